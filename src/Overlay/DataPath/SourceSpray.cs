using System.Buffers.Binary;
using System.Net;

namespace Overlay.DataPath;

/// <summary>
/// Outer source addresses that differ by inner flow: a fixed prefix and behind it bits of the flow hash. IP in IP has no ports, so that without this
/// all packets between two ends are one flow to routers with equal paths and to the receive queues of the other end.
/// </summary>
/// <remarks>
/// The addresses need not exist anywhere: nothing is ever sent to them, and ICMP errors about the outer packets come back to nobody. The other end
/// must accept the prefix as remotes, and neither it nor a router on the way may filter by source address. Katran does the same, with 172.16.0.0/16
/// and 100::/64.
/// </remarks>
public sealed class SourceSpray : IEquatable<SourceSpray>
{
    private const int HashBits = 32;

    private readonly ValueIPAddress _base;
    private readonly int _shift;

    /// <summary>Makes the addresses of a prefix.</summary>
    /// <param name="prefix">
    /// IPv4 with a length from 8 to 31, IPv6 with one from 8 to 127, and all its addresses must be those of single hosts. Of an IPv6 prefix shorter
    /// than 96 bits only addresses are used whose bits between prefix and the last 32 are zero.
    /// </param>
    /// <exception cref="ArgumentException">The prefix is too short or too long, or multicast, loopback or the unspecified network.</exception>
    public SourceSpray(IPNetwork prefix)
    {
        if (!IsUsable(prefix))
        {
            throw new ArgumentException($"{prefix} is no prefix of host addresses to send from; {Usable} is right.", nameof(prefix));
        }

        Prefix = prefix;
        _base = prefix.BaseAddress;
        int bits = _base.BitLength - prefix.PrefixLength;
        _shift = Math.Max(0, HashBits - bits);
    }

    /// <summary>What <see cref="IsUsable"/> asks for, in words.</summary>
    public static string Usable => "a unicast prefix, IPv4 with 8 to 31 bits or IPv6 with 8 to 127";

    /// <summary>The prefix.</summary>
    public IPNetwork Prefix { get; }

    /// <summary>Whether packets can be sent from all addresses of a prefix.</summary>
    public static bool IsUsable(IPNetwork prefix)
    {
        ValueIPAddress address = prefix.BaseAddress;
        // With eight bits fixed, the first byte says all: 0 and ::/8 (with the mapped addresses), 127, 224 to 255 and ff00::/8.
        Span<byte> bytes = stackalloc byte[ValueIPAddress.IPv6Length];
        address.TryWriteBytes(bytes, out _);
        return prefix.PrefixLength >= 8 && prefix.PrefixLength < address.BitLength && bytes[0] != 0 &&
            (address.IsIPv4 ? bytes[0] is not 127 and < 224 : bytes[0] != 0xFF);
    }

    /// <summary>The source address of a flow: the same for all its packets.</summary>
    /// <param name="flowHash">Its hash, as <see cref="PacketMeta.FlowHash"/>.</param>
    public ValueIPAddress Source(uint flowHash)
    {
        uint bits = flowHash >> _shift;
        if (_base.IsIPv4)
        {
            return ValueIPAddress.FromIPv4(_base.ToIPv4() | bits);
        }

        Span<byte> bytes = stackalloc byte[ValueIPAddress.IPv6Length];
        _base.TryWriteBytes(bytes, out _);
        Span<byte> last = bytes[^sizeof(uint)..];
        BinaryPrimitives.WriteUInt32BigEndian(last, BinaryPrimitives.ReadUInt32BigEndian(last) | bits);
        return new ValueIPAddress(bytes);
    }

    /// <inheritdoc/>
    public bool Equals(SourceSpray? other) => other is not null && Prefix.Equals(other.Prefix);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SourceSpray);

    /// <inheritdoc/>
    public override int GetHashCode() => Prefix.GetHashCode();
}
