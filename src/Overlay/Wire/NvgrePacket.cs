namespace Overlay.Wire;

/// <summary>A view of an NVGRE packet: a GRE header whose key is virtual subnet and flow, and the inner Ethernet frame (RFC 7637 §3.2).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |0| |1|0|   Reserved0     | Ver |   Protocol Type 0x6558        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |               Virtual Subnet ID (VSID)        |    FlowID     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// Nothing in the packet tells NVGRE from Ethernet over GRE with a plain 32-bit key, as Linux's gretap sends it: which of the two it is the
/// configuration says.
/// </remarks>
public readonly ref struct NvgrePacket
{
    /// <summary>Bytes of the header, 8.</summary>
    public const int HeaderLength = GrePacket.MinimumHeaderLength + GrePacket.OptionalFieldLength;

    internal const int FlowIdBits = 8;

    private readonly uint _key;
    private readonly ReadOnlySpan<byte> _payload;

    private NvgrePacket(uint key, ReadOnlySpan<byte> payload)
    {
        _key = key;
        _payload = payload;
    }

    /// <summary>
    /// The virtual subnet. 0 to 0xFFF are reserved and 0xFFFFFF is for the vendor's own use (RFC 7637 §3.3); they are not judged here.
    /// </summary>
    public Vni VirtualSubnetId => Vni.FromUpper24(_key);

    /// <summary>The flow within the subnet, for entropy; "if a FlowID is not generated, it MUST be set to all zeros" (RFC 7637 §3.2).</summary>
    public byte FlowId => (byte)_key;

    /// <summary>The inner Ethernet frame; it "MUST NOT" have an 802.1Q tag (RFC 7637 §3.2), which is not judged here.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    /// <summary>Reads a packet.</summary>
    /// <param name="source">The IP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if it is no GRE packet, or one of another shape.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out NvgrePacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a packet and says what is wrong with it.</summary>
    /// <param name="source">The IP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// As <see cref="GrePacket.TryParse(ReadOnlySpan{byte}, out GrePacket, out WireError)"/>, and as
    /// <see cref="TryParse(GrePacket, out NvgrePacket, out WireError)"/>.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out NvgrePacket packet, out WireError error)
    {
        packet = default;
        return GrePacket.TryParse(source, out GrePacket gre, out error) && TryParse(gre, out packet, out error);
    }

    /// <summary>Takes a GRE packet as NVGRE.</summary>
    /// <param name="gre">The packet.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// <see cref="WireError.Flags"/>: "the C (Checksum Present) and S (Sequence Number Present) bits […] MUST be zero", "the K […] bit MUST be set"
    /// (RFC 7637 §3.2). <see cref="WireError.Unsupported"/>: the protocol type is not 0x6558.
    /// </param>
    public static bool TryParse(GrePacket gre, out NvgrePacket packet, out WireError error)
    {
        error = gre.Flags != GreFlags.Key ? WireError.Flags
            : gre.ProtocolType != EtherType.TransparentEthernetBridging ? WireError.Unsupported
            : WireError.None;
        packet = error == WireError.None ? new NvgrePacket(gre.Key, gre.Payload) : default;
        return error == WireError.None;
    }

    /// <summary>The header as a value; reserved bits are left out.</summary>
    public NvgreHeader ToHeader() => new(VirtualSubnetId, FlowId);
}

/// <summary>The NVGRE header as a value, to be built, compared and written (RFC 7637 §3.2).</summary>
/// <param name="VirtualSubnetId">The virtual subnet.</param>
/// <param name="FlowId">The flow within the subnet; 0 for none.</param>
public readonly record struct NvgreHeader(Vni VirtualSubnetId, byte FlowId = 0)
{
    /// <summary>Bytes on the wire, 8.</summary>
    public const int Length = NvgrePacket.HeaderLength;

    /// <summary>Writes the 8 bytes; all reserved bits are zero.</summary>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        GreHeader header = new(EtherType.TransparentEthernetBridging) { Key = (VirtualSubnetId.Value << NvgrePacket.FlowIdBits) | FlowId };
        return header.TryWrite(destination, out bytesWritten);
    }
}
