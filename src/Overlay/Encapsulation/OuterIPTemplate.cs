using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// The outer headers of one (local, remote), ready but for what differs per packet. To write them is to store the template as a whole and then
/// the few fields over it; the IPv4 checksum is the prepared sum and those fields (RFC 1624 §3), so the bytes just stored are never read back.
/// </summary>
internal readonly struct OuterIPTemplate
{
    public const int IPv4Length = IPv4Packet.MinimumHeaderLength;
    public const int IPv6Length = IPv6Packet.HeaderLength;

    private const uint IPv4VersionAndLength = 0x4500;
    private const uint IPv6Version = 6u << 28;

    // The IP header and what the encapsulator put behind it.
    private readonly byte[] _bytes;

    // The ones' complement sum, as number, of the IPv4 header without total length, TOS, identification, flags, TTL and protocol.
    private readonly uint _checksumBase;

    private readonly byte _ttl;

    /// <summary>Prepares the header.</summary>
    /// <param name="local">The source address.</param>
    /// <param name="remote">The destination address.</param>
    /// <param name="ttl">The TTL or hop limit of packets whose fields name none.</param>
    /// <param name="suffixLength">Bytes to be stored behind the IP header with the same template.</param>
    public OuterIPTemplate(ValueIPAddress local, ValueIPAddress remote, byte ttl, int suffixLength = 0)
    {
        CheckAddresses(local, remote);
        ArgumentOutOfRangeException.ThrowIfZero(ttl);
        Local = local;
        Remote = remote;
        _ttl = ttl;
        IsIPv4 = local.IsIPv4;
        Length = IsIPv4 ? IPv4Length : IPv6Length;
        MaxPayloadLength = ushort.MaxValue - (IsIPv4 ? IPv4Length : 0);
        _bytes = new byte[Length + suffixLength];
        _bytes[0] = (byte)(IsIPv4 ? 0x45 : 0x60);
        local.TryWriteBytes(_bytes.AsSpan(IsIPv4 ? IPv4Packet.SourceOffset : IPv6Packet.SourceOffset), out _);
        remote.TryWriteBytes(_bytes.AsSpan(IsIPv4 ? IPv4Packet.DestinationOffset : IPv6Packet.DestinationOffset), out _);
        uint source = local.ToIPv4(), destination = remote.ToIPv4();
        _checksumBase = IPv4VersionAndLength + (ushort)source + (source >> 16) + (ushort)destination + (destination >> 16);
    }

    public bool IsIPv4 { get; }

    public ValueIPAddress Local { get; }

    public ValueIPAddress Remote { get; }

    /// <summary>Bytes of the IP header: 20 or 40.</summary>
    public int Length { get; }

    /// <summary>The largest payload of the IP packet: both families have 16 bits, but IPv4 counts its header.</summary>
    public int MaxPayloadLength { get; }

    /// <summary>What is stored behind the IP header, to be filled when the template is made.</summary>
    public Span<byte> Suffix => _bytes.AsSpan(Length);

    /// <summary>The IP header and the suffix.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Writes the fields of an IPv4 header over its template (RFC 791 §3.1).</summary>
    /// <param name="header">20 bytes, into which the template was stored.</param>
    /// <param name="totalLength">Bytes of header and payload.</param>
    /// <param name="protocol">What the payload is.</param>
    /// <param name="fields">What differs per packet.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void FinishIPv4(Span<byte> header, int totalLength, IPProtocol protocol, in OuterHeaderFields fields)
    {
        header = header[..IPv4Length];
        uint ttlAndProtocol = ((uint)Ttl(fields) << 8) | (uint)protocol;
        uint sum = _checksumBase + fields.TrafficClass + (uint)totalLength + fields.Identification + fields.Flags + ttlAndProtocol;
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum += sum >> 16;
        header[IPv4Packet.TrafficClassOffset] = fields.TrafficClass;
        BinaryPrimitives.WriteUInt16BigEndian(header[IPv4Packet.TotalLengthOffset..], (ushort)totalLength);
        BinaryPrimitives.WriteUInt32BigEndian(header[IPv4Packet.IdentificationOffset..], ((uint)fields.Identification << 16) | fields.Flags);
        BinaryPrimitives.WriteUInt32BigEndian(header[IPv4Packet.TimeToLiveOffset..], (ttlAndProtocol << 16) | (ushort)~sum);
    }

    /// <summary>Writes the fields of an IPv6 header over its template (RFC 8200 §3).</summary>
    /// <param name="header">40 bytes, into which the template was stored.</param>
    /// <param name="payloadLength">Bytes behind the header.</param>
    /// <param name="nextHeader">What the payload is.</param>
    /// <param name="fields">What differs per packet.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void FinishIPv6(Span<byte> header, int payloadLength, IPProtocol nextHeader, in OuterHeaderFields fields)
    {
        header = header[..IPv6Length];
        uint first = IPv6Version | ((uint)fields.TrafficClass << IPv6Packet.TrafficClassShift) | (fields.FlowLabel & IPv6Packet.MaximumFlowLabel);
        BinaryPrimitives.WriteUInt32BigEndian(header, first);
        BinaryPrimitives.WriteUInt32BigEndian(
            header[IPv6Packet.PayloadLengthOffset..], ((uint)payloadLength << 16) | ((uint)nextHeader << 8) | Ttl(fields));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte Ttl(in OuterHeaderFields fields) => fields.Ttl == 0 ? _ttl : fields.Ttl;

    private static void CheckAddresses(ValueIPAddress local, ValueIPAddress remote)
    {
        if (local.IsIPv4 != remote.IsIPv4)
        {
            throw new ArgumentException($"The ends of a tunnel are of one address family; these are {local} and {remote}.", nameof(remote));
        }

        if (local == remote)
        {
            throw new ArgumentException($"The ends of a tunnel differ; both are {local}.", nameof(remote));
        }

        if (local.IsUnspecified || local.IsMulticast || local.IsBroadcast)
        {
            throw new ArgumentException($"{local} is not the address of one host; packets come from one.", nameof(local));
        }

        if (remote.IsUnspecified)
        {
            throw new ArgumentException($"{remote} is nobody's address; packets go to somebody.", nameof(remote));
        }
    }
}
