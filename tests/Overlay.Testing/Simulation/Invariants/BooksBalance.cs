using Overlay.DataPath;

namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// Whenever a worker has ended its turn, each direction of each of its tunnels balances, and what the books say was received and sent is what the ports
/// counted.
/// </summary>
public sealed class BooksBalance : SimulationInvariant
{
    /// <inheritdoc/>
    public override string Rule => "rx + replicated + originated = tx + consumed + drops, and the ports have counted the same.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        if (simulationEvent is not TurnEnded { Worker: { } worker })
        {
            return;
        }

        Check($"{worker.Name} unowned", worker.Unowned);
        long ingress = worker.Unowned.RxPackets;
        long sent = worker.Unowned.TxPackets;
        for (int i = 0; i < worker.Host.Tunnels.Count; i++)
        {
            Tunnel twin = worker.Host.Tunnels[i].Twins[worker.Number];
            PortCount device = worker.DeviceCount(i);
            Check($"{worker.Name} {twin.Options.Name} egress", twin.Egress);
            Check($"{worker.Name} {twin.Options.Name} ingress", twin.Ingress);
            Require(
                twin.Egress.RxPackets == device.Received,
                $"{worker.Name} {twin.Options.Name}: egress has {twin.Egress.RxPackets} received packets in its books; the device gave {device.Received}.");
            ingress += twin.Ingress.RxPackets;
            sent += twin.Egress.TxPackets + twin.Ingress.TxPackets - device.Sent;
        }

        Require(
            ingress == worker.EndpointCount.Received,
            $"{worker.Name}: ingress has {ingress} received packets in its books; the endpoint gave {worker.EndpointCount.Received}.");
        Require(
            sent == worker.EndpointCount.Sent,
            $"{worker.Name}: the books have {sent} packets sent to the endpoint; it took {worker.EndpointCount.Sent}.");
    }

    private void Check(string what, DirectionCounters books)
    {
        long entered = books.RxPackets + books.Replicated + books.Originated;
        long left = books.TxPackets + books.Consumed + books.TotalDrops;
        Require(entered == left, $"{what}: {entered} entered and {left} left.");
    }
}
