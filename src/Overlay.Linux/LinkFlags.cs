using System.Diagnostics.CodeAnalysis;

namespace Overlay.Linux;

/// <summary>Flags of an interface (linux/if.h).</summary>
[Flags]
[SuppressMessage("Naming", "CA1711", Justification = "The kernel's own word for them.")]
public enum LinkFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Set up by the administrator.</summary>
    Up = 0x1,

    /// <summary>Has a broadcast address.</summary>
    Broadcast = 0x2,

    /// <summary>The loopback interface.</summary>
    Loopback = 0x8,

    /// <summary>Has one other end: a TUN.</summary>
    PointToPoint = 0x10,

    /// <summary>Able to carry packets (RFC 2863 operational state).</summary>
    Running = 0x40,

    /// <summary>No address resolution.</summary>
    NoArp = 0x80,

    /// <summary>Receives everything.</summary>
    Promiscuous = 0x100,

    /// <summary>Takes multicast.</summary>
    Multicast = 0x1000,

    /// <summary>The driver reports a carrier.</summary>
    LowerUp = 0x1_0000,
}
