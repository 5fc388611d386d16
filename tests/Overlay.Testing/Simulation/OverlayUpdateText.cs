using Overlay.Tables;

namespace Overlay.Testing.Simulation;

/// <summary>An <see cref="OverlayUpdate"/> in a few words, for the log.</summary>
internal static class OverlayUpdateText
{
    public static string Of(in OverlayUpdate update) => update.Kind switch
    {
        OverlayUpdateKind.SetForwarding => $"set {update.Vni} {update.Mac} at {update.Entry.Remote}:{update.Entry.Port} {update.Entry.Origin}",
        OverlayUpdateKind.RemoveForwarding => $"remove {update.Vni} {update.Mac}",
        OverlayUpdateKind.SetNeighbor => $"neighbour {update.Vni} {update.Address} {update.Mac}",
        OverlayUpdateKind.RemoveNeighbor => $"no neighbour {update.Vni} {update.Address}",
        OverlayUpdateKind.SetRoute => $"route {update.Address}/{update.PrefixLength} by {string.Join(", ", (update.Members ?? [new RouteMember(update.Route)]).Select(member => $"{member.Entry.Remote} weight {member.Weight}"))}",
        OverlayUpdateKind.RemoveRoute => $"no route {update.Address}/{update.PrefixLength}",
        OverlayUpdateKind.AddFlood => $"flood {update.Vni} {update.Address}",
        OverlayUpdateKind.RemoveFlood => $"no flood {update.Vni} {update.Address}",
        _ => update.Kind.ToString(),
    };
}
