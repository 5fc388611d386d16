namespace Overlay.Demo.Cases;

/// <summary>Who is at the other end of the tunnel.</summary>
internal enum PeerKind
{
    /// <summary>The tunnel driver of the running kernel.</summary>
    Kernel,

    /// <summary>A second overlayd.</summary>
    Overlayd,
}
