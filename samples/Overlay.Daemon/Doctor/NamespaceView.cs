using Overlay.Linux;

namespace Overlay.Daemon.Doctor;

/// <summary>A network namespace, looked at.</summary>
/// <param name="name">What messages call it.</param>
/// <param name="command">The command <c>ip</c> for it.</param>
/// <param name="opened">The namespace.</param>
internal sealed class NamespaceView(string name, string command, NetworkNamespace opened) : IDisposable
{
    private RouteNetlink? _netlink;

    /// <summary>What messages call it.</summary>
    public string Name => name;

    /// <summary>The command <c>ip</c> for it, without its arguments.</summary>
    public string Command => command;

    /// <summary>The namespace.</summary>
    public NetworkNamespace Namespace => opened;

    /// <summary>Its kernel. The socket stays inside, whichever thread uses it.</summary>
    /// <exception cref="LinuxException">It cannot be entered.</exception>
    public RouteNetlink Netlink => _netlink ??= opened.Run(RouteNetlink.Open);

    /// <summary>How messages name something in it.</summary>
    public string Place(string thing) => name == "here" ? thing : $"{thing} in {name}";

    /// <summary>Whether an address is one of its own.</summary>
    public bool IsLocal(ValueIPAddress address)
    {
        try
        {
            return Netlink.GetRoute(address).Kind == RouteKind.Local;
        }
        catch (LinuxException)
        {
            // No route at all: not its own, either.
            return false;
        }
    }

    /// <summary>The MAC address of a neighbour; null if it is not known.</summary>
    public MacAddress? FindMac(int link, ValueIPAddress address)
    {
        foreach (NeighborInfo neighbor in Netlink.GetNeighbors(link))
        {
            if (neighbor.Address == address)
            {
                return neighbor.Mac;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _netlink?.Dispose();
        opened.Dispose();
    }
}
