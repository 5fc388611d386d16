using Overlay.Tables;

namespace Overlay.Testing.Simulation.Invariants;

/// <summary>After each thing the writer does, every static and external entry is what was set last, and none is there that was withdrawn or is not in the set that has replaced all.</summary>
public sealed class StaticEntriesStay : SimulationInvariant
{
    /// <inheritdoc/>
    public override string Rule => "What is set stays until it is withdrawn, set anew or replaced by a set without it, whatever is learned.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        switch (simulationEvent)
        {
            case UpdateApplied applied:
                Check(applied.Tables);
                if (applied.Update.Kind == OverlayUpdateKind.RemoveForwarding &&
                    applied.Tables.Tables.Forwarding.TryLookup(applied.Update.Vni, applied.Update.Mac, out FdbEntry left))
                {
                    Break($"{applied.Tables.Name}: {applied.Update.Mac} was removed and is still at {left.Remote}.");
                }

                break;
            case ForwardingReplaced replaced:
                Check(replaced.Tables);
                foreach (ForwardingRow row in replaced.Tables.Tables.Forwarding.Snapshot(0))
                {
                    Require(
                        row.Entry.Origin == FdbOrigin.Learned || replaced.Tables.Twin.Forwarding.ContainsKey((row.Vni, row.Mac)),
                        $"{replaced.Tables.Name}: {row.Mac} in {row.Vni} is in no set and is still at {row.Entry.Remote}.");
                }

                break;
            case AddressLearned learned:
                Check(learned.Tables);
                break;
            case TablesAged aged:
                Check(aged.Tables);
                break;
        }
    }

    private void Check(SimulatedTables tables)
    {
        foreach (((Vni vni, MacAddress mac), FdbEntry entry) in tables.Twin.Forwarding)
        {
            bool isFound = tables.Tables.Forwarding.TryLookup(vni, mac, out FdbEntry found);
            Require(isFound && found == entry, $"{tables.Name}: {mac} in {vni} was set as {entry} and is {(isFound ? found : "gone")}.");
        }
    }
}
