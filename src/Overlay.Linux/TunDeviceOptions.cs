using Overlay.DataPath;

namespace Overlay.Linux;

/// <summary>How a TUN or TAP device is opened.</summary>
public sealed record TunDeviceOptions
{
    /// <summary>What the device carries: Ethernet frames (a TAP, the default) or IP packets (a TUN).</summary>
    public DeviceLayer Layer { get; init; } = DeviceLayer.Ethernet;

    /// <summary>
    /// Whether each packet comes with a vnet header (IFF_VNET_HDR): partial checksums and superpackets. Without it all packets are plain.
    /// </summary>
    public bool VnetHeader { get; init; } = true;

    /// <summary>Whether TCP superpackets are exchanged with the kernel. Needs <see cref="VnetHeader"/>.</summary>
    public bool Tso { get; init; } = true;

    /// <summary>
    /// Whether UDP superpackets are exchanged with the kernel: from Linux 6.2; on older kernels, and on 7.0 to 7.1.4, which cut some of them wrongly,
    /// it goes without. Needs <see cref="VnetHeader"/>.
    /// </summary>
    public bool Uso { get; init; } = true;

    /// <summary>
    /// Whether packets of a batch that were cut from one piece are put together again before they are handed to the kernel (generic receive offload;
    /// see <see cref="Coalescer"/>). Without effect where the device takes no superpackets.
    /// </summary>
    public bool Coalesce { get; init; } = true;

    /// <summary>Whether the device has several queues (IFF_MULTI_QUEUE): each further open of the name adds one.</summary>
    public bool MultiQueue { get; init; }

    /// <summary>
    /// Packets that the kernel holds for this device before it drops (txqueuelen); null leaves what there is. There is no back pressure:
    /// what comes in while the queue is full is lost, and counted by the kernel as the link's dropped packets.
    /// </summary>
    public int? TxQueueLength { get; init; } = 1000;

    /// <summary>The most packets that one <see cref="TunDevice.Receive"/> takes, so that other ports have their turn.</summary>
    public int ReceiveBurst { get; init; } = 64;

    /// <summary>The bytes after which one <see cref="TunDevice.Receive"/> ends, so that a worker's set stays in the cache.</summary>
    public int ReceiveBurstBytes { get; init; } = 256 * 1024;
}
