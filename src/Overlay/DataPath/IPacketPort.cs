namespace Overlay.DataPath;

/// <summary>
/// The one contract for packet I/O: TUN, TAP, UDP, raw IP and the in-memory fakes. A port never blocks and belongs to one thread at a time.
/// </summary>
/// <remarks>
/// A path decides (remote, VNI, TTL, traffic class …) and the port writes the outer bytes; on receive the port takes the outer bytes off and
/// leaves in <see cref="PacketMeta"/> what they said. A UDP port leaves the tunnel header (VXLAN) at the front of the packet.
/// </remarks>
public interface IPacketPort : IDisposable
{
    /// <summary>The name for messages: a device, or an address with a port.</summary>
    string Name { get; }

    /// <summary>The smallest batch capacity the port works with; constant for its lifetime.</summary>
    int BatchSize { get; }

    /// <summary>What the port takes on send. It may become less, when the kernel refuses what it agreed to take, but never more.</summary>
    PortCapabilities Capabilities { get; }

    /// <summary>
    /// The largest packet, in bytes, that the port is meant to carry in one piece: a device's MTU, a socket's link MTU. It may change.
    /// </summary>
    int Mtu { get; }

    /// <summary>The file descriptor to wait on; −1 for a port in memory.</summary>
    int PollHandle { get; }

    /// <summary>Appends what is there to the batch, up to its room.</summary>
    /// <exception cref="ArgumentException">The batch has less capacity than <see cref="BatchSize"/>.</exception>
    PortResult Receive(PacketBatch batch);

    /// <summary>
    /// Sends the descriptors that <see cref="PacketBatch.Selection"/> names. Each ends as sent or dropped; only with
    /// <see cref="PortResult.WouldBlock"/>, <see cref="PortResult.Down"/> or <see cref="PortResult.Gone"/> some may be left pending.
    /// </summary>
    PortResult Send(PacketBatch batch);
}
