using Overlay.DataPath;

namespace Overlay.Linux;

/// <summary>
/// A tunnel endpoint whose superpackets leave whole, through a TAP of its own, for the kernel or the network card to cut; it receives, and sends what
/// cannot go that way, by the sockets under it, which it owns.
/// </summary>
public abstract class SuperpacketSocket : IPacketPort
{
    private readonly IPacketPort _sockets;
    private readonly UnderlayTap _tap;
    private readonly IDisposable _routes;

    private protected SuperpacketSocket(IPacketPort sockets, UnderlayTap tap, IDisposable routes, FrameWriter writer)
    {
        _sockets = sockets;
        _tap = tap;
        _routes = routes;
        Output = new UnderlayOutput(tap, writer);
    }

    /// <summary>How a packet is to leave.</summary>
    private protected enum Way
    {
        Tap,
        Socket,
        Dropped,
    }

    /// <summary>The name of the TAP.</summary>
    public string DeviceName => _tap.Name;

    /// <summary>Whether packets go through the TAP. Ends for good when the kernel refuses one after another.</summary>
    public bool Active => Output.Failure is null;

    /// <summary>Why packets do not go through the TAP any more; null while they do.</summary>
    public string? Failure => Output.Failure;

    /// <summary>How often the TAP refused a frame, so that its packets went by the sockets.</summary>
    public long Fallbacks => Output.Fallbacks;

    /// <summary>Superpackets that the kernel took whole.</summary>
    public abstract long Superpackets { get; }

    /// <summary>Frames that the TAP took: superpackets, and whatever else the endpoint sends that way.</summary>
    public long Frames => Output.Frames;

    /// <inheritdoc/>
    public string Name => _sockets.Name;

    /// <inheritdoc/>
    public int BatchSize => _sockets.BatchSize;

    /// <inheritdoc/>
    public PortCapabilities Capabilities => _sockets.Capabilities;

    /// <inheritdoc/>
    public int Mtu => _sockets.Mtu;

    /// <inheritdoc/>
    public int PollHandle => _sockets.PollHandle;

    private protected UnderlayOutput Output { get; }

    /// <inheritdoc/>
    public PortResult Receive(PacketBatch batch) => _sockets.Receive(batch);

    /// <inheritdoc/>
    public abstract PortResult Send(PacketBatch batch);

    /// <summary>Closes the sockets and removes the TAP.</summary>
    public void Dispose()
    {
        _sockets.Dispose();
        _tap.Dispose();
        _routes.Dispose();
        GC.SuppressFinalize(this);
    }
}
