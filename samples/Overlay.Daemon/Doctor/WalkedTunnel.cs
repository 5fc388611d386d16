using System.Net.Sockets;

namespace Overlay.Daemon.Doctor;

/// <summary>A tunnel on the way, whoever runs it.</summary>
/// <param name="View">The namespace of its device.</param>
/// <param name="Device">The name of its device.</param>
/// <param name="Mtu">The MTU of its device.</param>
/// <param name="Kind">The kind, in words.</param>
/// <param name="Local">The outer source address; null if the kernel chooses one.</param>
/// <param name="Overhead4">What it adds over IPv4.</param>
/// <param name="Overhead6">What it adds over IPv6.</param>
internal sealed record WalkedTunnel(NamespaceView View, string Device, int Mtu, string Kind, ValueIPAddress? Local, int Overhead4, int Overhead6)
{
    /// <summary>How messages name its device.</summary>
    public string Place => View.Place(Device);

    /// <summary>What it adds with addresses of a family.</summary>
    public int Overhead(ValueIPAddress remote) => remote.AddressFamily == AddressFamily.InterNetwork ? Overhead4 : Overhead6;

    /// <summary>The length of its longest outer packet to a remote.</summary>
    public int Needs(ValueIPAddress remote) => Mtu + Overhead(remote);

    /// <summary>The command that gives its device the MTU that fits a link.</summary>
    public string Shrink(ValueIPAddress remote, int link) => $"{View.Command} link set {Device} mtu {link - Overhead(remote)}";
}
