using Overlay.Tables;

namespace Overlay.Daemon.DataPlane;

/// <summary>The kernel's routes to what tunnels lead to.</summary>
internal interface IKernelRoutes
{
    /// <summary>Makes a route that was not there, or changes one whose remotes have changed.</summary>
    /// <param name="tunnel">The name of the tunnel.</param>
    /// <param name="prefix">The first address of the prefix.</param>
    /// <param name="length">Its length.</param>
    /// <param name="members">Where it leads.</param>
    /// <exception cref="IOException">The kernel refuses it; the message says why.</exception>
    void Set(string tunnel, ValueIPAddress prefix, int length, IReadOnlyList<RouteMember> members);

    /// <summary>Removes a route; that it is gone already is no mistake.</summary>
    /// <param name="tunnel">The name of the tunnel.</param>
    /// <param name="prefix">The first address of the prefix.</param>
    /// <param name="length">Its length.</param>
    /// <exception cref="IOException">The kernel refuses it; the message says why.</exception>
    void Remove(string tunnel, ValueIPAddress prefix, int length);
}
