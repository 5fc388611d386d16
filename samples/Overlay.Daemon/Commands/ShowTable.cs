using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Overlay.Daemon.Control;
using Overlay.Daemon.Control.Show;

namespace Overlay.Daemon.Commands;

/// <summary>A column of a table.</summary>
/// <param name="Name">Its heading.</param>
/// <param name="IsNumber">Whether it is aligned to the right.</param>
internal readonly record struct TableColumn(string Name, bool IsNumber = false);

/// <summary>A table as <c>overlayd show</c> prints it for people.</summary>
/// <param name="Name">The word behind <c>show</c>.</param>
/// <param name="Description">What it shows, for the help.</param>
/// <param name="Columns">The columns.</param>
/// <param name="Cells">The cells of a row; throws <see cref="JsonException"/> if the row has another shape.</param>
internal sealed record ShowTable(string Name, string Description, TableColumn[] Columns, Func<JsonElement, string[]> Cells)
{
    /// <summary>Forwarding entries.</summary>
    public static ShowTable Fdb { get; } = Of(
        "fdb", "Show where frames to which MAC address go", ControlJson.Default.FdbShowRow,
        [new("TUNNEL"), new("VNI", true), new("MAC"), new("REMOTE"), new("PORT", true), new("ORIGIN"), new("IDLE", true)],
        row =>
        [
            row.Tunnel, Number(row.Vni), $"{row.Mac}", row.RemoteVni is uint vni ? $"{row.Remote} vni {vni}" : $"{row.Remote}", Number(row.Port),
            row.Frozen ? $"{row.Origin}, frozen" : row.Origin, row.IdleSeconds is long idle ? $"{Number(idle)}s" : "-",
        ]);

    /// <summary>Neighbours.</summary>
    public static ShowTable Neighbors { get; } = Of(
        "neighbors", "Show for whom ARP and neighbor discovery are answered", ControlJson.Default.NeighborShowRow,
        [new("TUNNEL"), new("VNI", true), new("IP"), new("MAC"), new("ORIGIN"), new("IDLE", true)],
        row => [row.Tunnel, Number(row.Vni), $"{row.Ip}", $"{row.Mac}", row.Origin, row.IdleSeconds is long idle ? $"{Number(idle)}s" : "-"]);

    /// <summary>Routes.</summary>
    public static ShowTable Routes { get; } = Of(
        "routes", "Show where packets to which inner prefix go", ControlJson.Default.RouteShowRow,
        [new("TUNNEL"), new("VNI", true), new("PREFIX"), new("REMOTE"), new("WEIGHT", true), new("MAC"), new("ORIGIN")],
        row => [row.Tunnel, Number(row.Vni), row.Prefix, $"{row.Remote}", row.Weight is int weight ? Number(weight) : "-", row.Mac ?? "-", row.Origin]);

    /// <summary>Flood lists.</summary>
    public static ShowTable Flood { get; } = Of(
        "flood", "Show who gets copies of broadcast, multicast and unknown unicast, and how much may be flooded", ControlJson.Default.FloodShowRow,
        [
            new("TUNNEL"), new("VNI", true), new("REMOTE"), new("ORIGIN"), new("LIMIT"), new("PACKETS/S", true), new("BURST", true), new("DROPPED", true),
        ],
        row =>
        [
            row.Tunnel, Number(row.Vni), row.Remote is not ValueIPAddress remote ? "-" : row.GroupLink is string link ? $"{remote} on {link}" : $"{remote}", row.Origin,
            row.Limit ?? "-", Number(row.PacketsPerSecond), Number(row.Burst), Number(row.Dropped),
        ]);

    /// <summary>Networks.</summary>
    public static ShowTable Vnis { get; } = Of(
        "vnis", "Show what the tables of each network hold, and its counters", ControlJson.Default.VniShowRow,
        [
            new("TUNNEL"), new("KIND"), new("VNI", true), new("ENTRIES", true), new("LEARNED", true), new("NEIGHBORS", true), new("ROUTES", true), new("FLOOD", true),
            new("OUT-PACKETS", true), new("OUT-BYTES", true), new("OUT-DROPS", true), new("IN-PACKETS", true), new("IN-BYTES", true), new("IN-DROPS", true),
            new("MOVES", true), new("REFUSED", true),
        ],
        row =>
        [
            row.Tunnel, row.Kind, Number(row.Vni), Number(row.Entries), Number(row.Learned), Number(row.Neighbors), Number(row.Routes), Number(row.FloodRemotes),
            Number(row.Egress.TxPackets), Number(row.Egress.TxBytes), Number(row.Egress.Drops.Values.Sum()),
            Number(row.Ingress.TxPackets), Number(row.Ingress.TxBytes), Number(row.Ingress.Drops.Values.Sum()),
            Number(row.Moves),
            Number(row.RefusedFull + row.RefusedProtected + row.RefusedInvalid + row.RefusedOwn + row.RefusedFrozen + row.RefusedUnpermitted),
        ]);

    /// <summary>All tables.</summary>
    public static IReadOnlyList<ShowTable> All { get; } = [Fdb, Neighbors, Routes, Flood, Vnis];

    /// <summary>What the daemon is asked.</summary>
    public string Command => $"show-{Name}";

    private static ShowTable Of<T>(string name, string description, JsonTypeInfo<T> shape, TableColumn[] columns, Func<T, string[]> cells) =>
        new(name, description, columns, row => cells(row.Deserialize(shape) ?? throw new JsonException("The row is null.")));

    private static string Number(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "-";
}
