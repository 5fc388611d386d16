using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Testing.Simulation;

/// <summary>What a simulated host is.</summary>
public sealed record HostOptions
{
    /// <summary>The encapsulation; IP in IP carries packets, all others frames.</summary>
    public TunnelKind Kind { get; init; } = TunnelKind.Vxlan;

    /// <summary>How many workers share its tunnels.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Whether all its tunnels share one set of tables; otherwise each has its own.</summary>
    public bool SharesTables { get; init; }

    /// <summary>Whether MAC addresses are learned.</summary>
    public bool Learning { get; init; } = true;

    /// <summary>How many forwarding entries learning may fill.</summary>
    public int MaxForwardingEntries { get; init; } = 256;

    /// <summary>How many of them in one network.</summary>
    public int MaxEntriesPerVni { get; init; } = ForwardingTable.MaxEntriesLimit;

    /// <summary>What happens to a new address when that is full.</summary>
    public ForwardingOverflow WhenFull { get; init; } = ForwardingOverflow.Refuse;

    /// <summary>After so many moves within the window an address is frozen; 0 never.</summary>
    public int MoveLimit { get; init; } = 5;

    /// <summary>The window in milliseconds.</summary>
    public long MoveWindow { get; init; } = 180_000;

    /// <summary>For how many milliseconds an address stays frozen.</summary>
    public long FreezeTime { get; init; } = 180_000;

    /// <summary>How much may be flooded.</summary>
    public FloodLimits FloodLimits { get; init; } = FloodLimits.None;

    /// <summary>After how many milliseconds a learned entry is too old.</summary>
    public long MaxAge { get; init; } = 5_000;

    /// <summary>About every how many milliseconds the tables are aged.</summary>
    public int AgeingInterval { get; init; } = 1_000;

    /// <summary>From whom packets are taken.</summary>
    public RemotePolicy Remotes { get; init; } = RemotePolicy.Known;

    /// <summary>Whether outer UDP checksums are written. Without them a turned bit arrives.</summary>
    public bool OuterChecksum { get; init; } = true;

    /// <summary>How many packets wait in the socket of each worker.</summary>
    public int SocketLength { get; init; } = 64;

    /// <summary>In which share of sends a port begins to take nothing for 1 to 9 milliseconds; a worker's patience is 5.</summary>
    public double Congestion { get; init; }

    /// <summary>What it is made of.</summary>
    public HostComponents Components { get; init; } = new();

    /// <summary>What its forwarding tables are told.</summary>
    internal ForwardingTableOptions ToForwardingOptions() => new()
    {
        MaxEntries = MaxForwardingEntries,
        MaxEntriesPerVni = MaxEntriesPerVni,
        WhenFull = WhenFull,
        MoveLimit = MoveLimit,
        MoveWindow = TimeSpan.FromMilliseconds(MoveWindow),
        FreezeTime = TimeSpan.FromMilliseconds(FreezeTime),
    };
}
