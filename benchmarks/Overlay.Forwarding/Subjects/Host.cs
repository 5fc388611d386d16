using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>One of the two hosts: a namespace with one end of the cable, and what its end of the tunnel is to be called.</summary>
/// <param name="Netns">The namespace.</param>
/// <param name="Number">1 or 2.</param>
internal sealed record Host(Netns Netns, int Number)
{
    /// <summary>The name of the cable's end.</summary>
    public const string UnderlayDevice = "u0";

    /// <summary>The name of the tunnel's device.</summary>
    public const string OverlayDevice = "ov0";

    /// <summary>The MTU of the cable in bytes.</summary>
    public const int UnderlayMtu = 1500;

    /// <summary>The MTU of the tunnel's device: the cable's less 50 bytes of Ethernet, IPv4, UDP and VXLAN.</summary>
    public const int OverlayMtu = UnderlayMtu - 50;

    /// <summary>The VXLAN network identifier.</summary>
    public const int Vni = 42;

    /// <summary>The UDP port of VXLAN (RFC 7348 §5).</summary>
    public const int Port = 4789;

    /// <summary>The outer address.</summary>
    public string Underlay => $"192.0.2.{Number}";

    /// <summary>The outer address with its prefix length.</summary>
    public string UnderlayPrefix => $"{Underlay}/24";

    /// <summary>The inner address.</summary>
    public string Inner => $"10.244.0.{Number}";

    /// <summary>The inner address with its prefix length.</summary>
    public string InnerPrefix => $"{Inner}/24";

    /// <summary>The inner MAC address.</summary>
    public string Mac => $"02:00:00:00:00:0{Number}";
}
