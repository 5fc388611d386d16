namespace Overlay.Daemon.DataPlane;

/// <summary>The kernel's routes by the device of a tunnel.</summary>
internal interface IKernelRoutes
{
    /// <summary>Adds a route.</summary>
    /// <exception cref="IOException">The kernel refuses it; the message says why.</exception>
    void Add(string device, ValueIPAddress prefix, int length);

    /// <summary>Removes a route; that it is gone already is no mistake.</summary>
    /// <exception cref="IOException">The kernel refuses it; the message says why.</exception>
    void Remove(string device, ValueIPAddress prefix, int length);
}
