using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// The outer IP header of one (local, remote) as 64-bit words: what never changes is prepared, what differs per packet is put into the words in
/// registers, and each word is stored once. Patching a stored template instead would put narrow stores over wide ones.
/// </summary>
internal readonly struct OuterIPTemplate
{
    public const int IPv4Length = 20;
    public const int IPv6Length = 40;

    private const uint FlowLabelMask = 0xF_FFFF;
    private const int DontFragmentShift = 14;

    private readonly ulong _sourceHigh;
    private readonly ulong _sourceLow;
    private readonly ulong _destinationHigh;
    private readonly ulong _destinationLow;

    // The ones' complement sum of the IPv4 header without what Write adds, as number (RFC 1624: the rest is added, nothing is summed twice).
    private readonly uint _checksumBase;

    private readonly byte _ttl;

    public OuterIPTemplate(ValueIPAddress local, ValueIPAddress remote, byte ttl)
    {
        CheckAddress(local, nameof(local));
        CheckAddress(remote, nameof(remote));
        if (local.IsIPv4 != remote.IsIPv4)
        {
            throw new ArgumentException($"The ends of a tunnel are of one address family; these are {local} and {remote}.", nameof(remote));
        }

        if (local == remote)
        {
            throw new ArgumentException($"The ends of a tunnel differ; both are {local}.", nameof(remote));
        }

        if (local.IsMulticast || local.IsBroadcast)
        {
            throw new ArgumentException($"{local} is a group of receivers; packets come from one address.", nameof(local));
        }

        ArgumentOutOfRangeException.ThrowIfZero(ttl);
        Local = local;
        Remote = remote;
        _ttl = ttl;
        IsIPv4 = local.IsIPv4;
        _sourceHigh = local.High;
        _sourceLow = IsIPv4 ? local.ToIPv4() : local.Low;
        _destinationHigh = remote.High;
        _destinationLow = IsIPv4 ? remote.ToIPv4() : remote.Low;
        _checksumBase = (uint)(0x4500 + (ushort)_sourceLow + (ushort)(_sourceLow >> 16) + (ushort)_destinationLow + (ushort)(_destinationLow >> 16));
    }

    public bool IsIPv4 { get; }

    public ValueIPAddress Local { get; }

    public ValueIPAddress Remote { get; }

    public int Length => IsIPv4 ? IPv4Length : IPv6Length;

    /// <summary>The largest payload of the IP packet: both families have 16 bits, but IPv4 counts its header.</summary>
    public int MaxPayloadLength => ushort.MaxValue - (IsIPv4 ? IPv4Length : 0);

    /// <summary>Writes 20 bytes (RFC 791 §3.1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteIPv4(Span<byte> destination, int totalLength, IPProtocol protocol, in OuterHeaderFields fields)
    {
        destination = destination[..IPv4Length];
        uint flags = (fields.DontFragment ? 1u : 0u) << DontFragmentShift;
        uint ttlAndProtocol = ((uint)Ttl(fields) << 8) | (uint)protocol;
        uint sum = _checksumBase + fields.TrafficClass + (uint)totalLength + fields.Identification + flags + ttlAndProtocol;
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum += sum >> 16;
        BinaryPrimitives.WriteUInt64BigEndian(
            destination,
            (0x45UL << 56) | ((ulong)fields.TrafficClass << 48) | ((ulong)(uint)totalLength << 32) | ((uint)fields.Identification << 16) | flags);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], ((ulong)ttlAndProtocol << 48) | ((ulong)(ushort)~sum << 32) | _sourceLow);
        BinaryPrimitives.WriteUInt32BigEndian(destination[16..], (uint)_destinationLow);
    }

    /// <summary>Writes 40 bytes (RFC 8200 §3).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteIPv6(Span<byte> destination, int payloadLength, IPProtocol nextHeader, in OuterHeaderFields fields)
    {
        destination = destination[..IPv6Length];
        ulong first = (6UL << 60) | ((ulong)fields.TrafficClass << 52) | ((ulong)(fields.FlowLabel & FlowLabelMask) << 32) |
            ((uint)payloadLength << 16) | ((uint)nextHeader << 8) | Ttl(fields);
        BinaryPrimitives.WriteUInt64BigEndian(destination, first);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _sourceHigh);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], _sourceLow);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], _destinationHigh);
        BinaryPrimitives.WriteUInt64BigEndian(destination[32..], _destinationLow);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte Ttl(in OuterHeaderFields fields) => fields.Ttl == 0 ? _ttl : fields.Ttl;

    private static void CheckAddress(ValueIPAddress address, string name)
    {
        if (address.IsUnspecified)
        {
            throw new ArgumentException($"{address} is nobody's address: an outer header needs a real one.", name);
        }
    }
}
