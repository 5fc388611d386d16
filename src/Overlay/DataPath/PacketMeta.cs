using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// What travels beside the bytes of a packet. Ports fill it on receive, paths decide, ports read it on send.
/// </summary>
/// <remarks>
/// All offsets count from the first byte of the packet as it lies now; <see cref="PacketBatch.Prepend"/> and
/// <see cref="PacketBatch.TrimStart"/> keep them right.
/// </remarks>
public struct PacketMeta
{
    /// <summary>The other end of the tunnel: received, the outer source address; to be sent, the outer destination address.</summary>
    public ValueIPAddress Remote { get; set; }

    /// <summary>This end of the tunnel: the outer destination address as received. Default if unknown.</summary>
    public ValueIPAddress Local { get; set; }

    /// <summary>The network identifier to be written, or as received.</summary>
    public Vni Vni { get; set; }

    /// <summary>
    /// Which of the endpoint's tunnel headers is to be written: the number of the tunnel's among those that the port was given. To be sent only.
    /// </summary>
    public ushort Header { get; set; }

    /// <summary>A hash of the inner flow: equal for all packets of a flow.</summary>
    public uint FlowHash { get; set; }

    /// <summary>The outer IPv6 flow label, 20 bits.</summary>
    public uint FlowLabel { get; set; }

    /// <summary>The outer UDP source port: as received, or to be used.</summary>
    public ushort SourcePort { get; set; }

    /// <summary>The outer UDP destination port: as received, or to be used; 0 means the endpoint's own.</summary>
    public ushort DestinationPort { get; set; }

    /// <summary>The key of GRE to be written, if <see cref="GreFields"/> has one.</summary>
    public uint GreKey { get; set; }

    /// <summary>The optional fields of GRE to be written; the port computes checksum and sequence number. To be sent only.</summary>
    public GreFlags GreFields { get; set; }

    /// <summary>The tunnel encapsulation limit to be written between both IP headers (RFC 2473 §4.1.1); null writes none. IP in IP over IPv6 only.</summary>
    public byte? EncapsulationLimit { get; set; }

    /// <summary>
    /// The IP protocol that carried the inner packet: 17 for UDP tunnels, 4 or 41 for IP in IP, 47 for GRE. To be sent by a port without UDP: what the outer
    /// header announces where the packet brings its own tunnel header along; 0 where the port writes that.
    /// </summary>
    public IPProtocol Protocol { get; set; }

    /// <summary>The outer traffic class (IPv4 TOS): DSCP in the upper six bits, ECN in the lower two.</summary>
    public byte TrafficClass { get; set; }

    /// <summary>The outer TTL or hop limit.</summary>
    public byte Ttl { get; set; }

    /// <summary>Whether the outer IPv4 header carries DF.</summary>
    public bool DontFragment { get; set; }

    /// <summary>How the packet is to be cut.</summary>
    public SegmentationKind Segmentation { get; set; }

    /// <summary>What is known of the transport checksum.</summary>
    public ChecksumState Checksum { get; set; }

    /// <summary>Where the packet stands.</summary>
    public PacketState State { get; set; }

    /// <summary>Why it was dropped, if <see cref="State"/> says so.</summary>
    public DropReason Drop { get; set; }

    /// <summary>
    /// How many segments of a superpacket in state <see cref="PacketState.Sent"/> were refused all the same, for the reason in <see cref="Drop"/>.
    /// </summary>
    public ushort RefusedSegments { get; set; }

    /// <summary>Payload bytes of each segment but the last; 0 for a plain packet.</summary>
    public ushort SegmentSize { get; set; }

    /// <summary>Where the payload to be cut begins: bytes of headers that each segment repeats. 0 for a plain packet.</summary>
    public ushort HeaderLength { get; set; }

    /// <summary>Where the IP header begins. Meaningful if the packet is a superpacket or its checksum is partial.</summary>
    public ushort NetworkStart { get; set; }

    /// <summary>Where the bytes under the transport checksum begin. Meaningful like <see cref="NetworkStart"/>.</summary>
    public ushort ChecksumStart { get; set; }

    /// <summary>Where the transport checksum field lies, counted from <see cref="ChecksumStart"/>: 16 for TCP, 6 for UDP.</summary>
    public ushort ChecksumOffset { get; set; }

    /// <summary>The output port's number in the worker's set; −1 for none.</summary>
    public int Output { get; set; }

    /// <summary>The number of the tunnel the packet belongs to, as its path counts; −1 if no tunnel owns it.</summary>
    public int Tunnel { get; set; }

    /// <summary>How the packet came to be, for the books.</summary>
    public PacketOrigin Origin { get; set; }
}
