using Overlay.Tables;

namespace Overlay.Daemon.Configuration;

/// <summary>Learning of source MAC addresses.</summary>
internal sealed record LearningConfig
{
    /// <summary>Whether it happens.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>After how many seconds without a frame an entry goes, 1 to 86 400.</summary>
    public int AgeSeconds { get; init; } = 300;

    /// <summary>The largest number of learned entries; of learned neighbours, as many again.</summary>
    public int MaxEntries { get; init; } = 65_536;

    /// <summary>What happens to a new station when the table is full.</summary>
    public ForwardingOverflow WhenFull { get; init; } = ForwardingOverflow.Refuse;

    /// <summary>After so many moves within the window a station is frozen where it is, 0 to 65 535; 0 never (RFC 7432 §15.1).</summary>
    public int MoveLimit { get; init; } = 5;

    /// <summary>The window in seconds, 1 to 86 400.</summary>
    public int MoveWindowSeconds { get; init; } = 180;

    /// <summary>For how many seconds it stays frozen, 1 to 86 400.</summary>
    public int FreezeSeconds { get; init; } = 180;

    /// <summary>Whether neighbours are learned, too.</summary>
    public bool Neighbors { get; init; }

    /// <summary>What the forwarding table is told.</summary>
    public ForwardingTableOptions ToOptions() => new()
    {
        MaxEntries = MaxEntries,
        WhenFull = WhenFull,
        MoveLimit = MoveLimit,
        MoveWindow = TimeSpan.FromSeconds(MoveWindowSeconds),
        FreezeTime = TimeSpan.FromSeconds(FreezeSeconds),
    };
}

/// <summary>A configured station behind a remote.</summary>
/// <param name="Mac">Its MAC address.</param>
/// <param name="Remote">The VTEP it lives behind.</param>
internal readonly record struct FdbConfig(MacAddress Mac, FdbRemote Remote);

/// <summary>A station that ARP and neighbour discovery are answered for.</summary>
/// <param name="Address">Its inner address.</param>
/// <param name="Mac">Its MAC address.</param>
/// <param name="Flags">What answers say beside the address.</param>
internal readonly record struct NeighborConfig(ValueIPAddress Address, MacAddress Mac, NeighborFlags Flags = NeighborFlags.Override);

/// <summary>A route of a layer-3 tunnel.</summary>
/// <param name="Prefix">The inner prefix, no bits set behind it.</param>
/// <param name="PrefixLength">Its length.</param>
/// <param name="Members">The VTEPs or tunnel ends it leads to, one or several.</param>
internal sealed record RouteConfig(ValueIPAddress Prefix, int PrefixLength, IReadOnlyList<RouteMember> Members);

/// <summary>What the kernel and this program may do in larger pieces.</summary>
/// <param name="Tso">The device hands over TCP superpackets.</param>
/// <param name="Uso">The device hands over UDP superpackets.</param>
/// <param name="Gro">Received trains and superpackets are taken in one piece.</param>
/// <param name="Gso">Trains are sent in one piece.</param>
/// <param name="TunnelGso">Superpackets leave whole; without effect with the transport <c>udp</c>.</param>
internal sealed record OffloadConfig(bool Tso = true, bool Uso = true, bool Gro = true, bool Gso = true, bool TunnelGso = true);
