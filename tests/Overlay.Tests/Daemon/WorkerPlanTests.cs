using Overlay.Daemon.Configuration;
using Overlay.Daemon.DataPlane;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>Which workers serve which endpoint.</summary>
public class WorkerPlanTests
{
    private static readonly EndpointConfig Vxlan = new() { Kind = TunnelKind.Vxlan, Local = ValueIPAddress.Parse("192.0.2.1"), Port = 4789 };

    [Fact]
    public void Every_worker_serves_every_UDP_endpoint()
    {
        EndpointConfig other = Vxlan with { Port = 8472 };
        WorkerPlan plan = new(3, [Vxlan, other]);
        Assert.Equal(3, plan.Count);
        Assert.Equal([0, 1, 2], plan.WorkersOf(Vxlan));
        Assert.Equal([0, 1, 2], plan.WorkersOf(other));
    }

    [Fact]
    public void An_IPInIP_endpoint_has_one_worker_and_they_are_dealt_out_in_turn()
    {
        EndpointConfig[] raw = [Raw(1), Raw(2), Raw(3)];
        WorkerPlan plan = new(2, [raw[0], Vxlan, raw[1], raw[2]]);
        Assert.Equal([0, 1], plan.WorkersOf(Vxlan));
        Assert.Equal([0, 1, 0], raw.Select(endpoint => Assert.Single(plan.WorkersOf(endpoint))));
    }

    [Fact]
    public void There_is_no_worker_with_nothing_to_do() => Assert.Equal(2, new WorkerPlan(8, [Raw(1), Raw(2)]).Count);

    private static EndpointConfig Raw(int number) => new() { Kind = TunnelKind.IPInIP, Local = ValueIPAddress.Parse($"192.0.2.{number}") };
}
