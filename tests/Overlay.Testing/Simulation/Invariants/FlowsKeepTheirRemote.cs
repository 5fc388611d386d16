using Overlay.Tables;

namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// Where a prefix leads to several remotes, the packets of a flow go to one of them; and when others leave the group, it stays the same one. Only where a remote comes, or a weight
/// changes, flows may go elsewhere.
/// </summary>
public sealed class FlowsKeepTheirRemote : SimulationInvariant
{
    // Of an IPv4 packet without options: both addresses, and behind them the ports.
    private const int FlowStart = 12;
    private const int FlowEnd = 24;

    private readonly Dictionary<(SimulatedTables, ValueIPAddress, int), Group> _groups = [];
    private readonly Dictionary<(SimulatedTables, string), (Group Group, int Generation, ValueIPAddress Remote)> _flows = [];

    /// <inheritdoc/>
    public override string Rule => "Of several remotes a flow keeps its one while that is a member, whoever else leaves.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        switch (simulationEvent)
        {
            case UpdateApplied { Update.Kind: OverlayUpdateKind.SetRoute or OverlayUpdateKind.RemoveRoute } applied:
                Change(applied);
                break;
            case FrameDecided { Frame.What: "packet" } decided when !decided.Tunnel.IsEthernet && decided.Remotes.Count == 1:
                Check(decided);
                break;
        }
    }

    private void Change(UpdateApplied applied)
    {
        Group group = GroupOf(applied.Tables, applied.Update.Address, applied.Update.PrefixLength);
        IReadOnlyList<RouteMember> members = applied.Tables.Twin.Routes.GetValueOrDefault((applied.Update.Address, applied.Update.PrefixLength), []);

        // A group of those that were there with the same weights, one at least, is what is left of it.
        group.Generation += members.Count > 0 && members.All(group.Members.Contains) ? 0 : 1;
        group.Members = members;
    }

    private void Check(FrameDecided decided)
    {
        SimulatedTables tables = decided.Tunnel.Tables;
        ReadOnlySpan<byte> packet = decided.Frame.Bytes;
        if (packet.Length < FlowEnd || packet[0] != 0x45 || !tables.Twin.TryRoute(UnderlayReceiver.DestinationOf(packet), out ValueIPAddress prefix, out IReadOnlyList<RouteMember> members))
        {
            return;
        }

        int length = tables.Twin.Routes.First(row => ReferenceEquals(row.Value, members)).Key.Length;
        Group group = GroupOf(tables, prefix, length);
        string flow = Convert.ToHexString(packet[FlowStart..FlowEnd]);
        if (_flows.TryGetValue((tables, flow), out (Group Group, int Generation, ValueIPAddress Remote) last) && last.Group == group && last.Generation == group.Generation &&
            members.Any(member => member.Entry.Remote == last.Remote))
        {
            Require(
                decided.Remotes[0] == last.Remote,
                $"{decided.Tunnel}: f{decided.Frame.Id} of the flow {flow} goes to {decided.Remotes[0]}; the one before went to {last.Remote}, which is a member still.");
        }

        _flows[(tables, flow)] = (group, group.Generation, decided.Remotes[0]);
    }

    private Group GroupOf(SimulatedTables tables, ValueIPAddress prefix, int length)
    {
        if (!_groups.TryGetValue((tables, prefix, length), out Group? group))
        {
            _groups.Add((tables, prefix, length), group = new Group());
        }

        return group;
    }

    private sealed class Group
    {
        public IReadOnlyList<RouteMember> Members { get; set; } = [];

        // Changes when flows may go elsewhere.
        public int Generation { get; set; }
    }
}
