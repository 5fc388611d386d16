using Overlay.Forwarding.Measurement;
using Overlay.Forwarding.Subjects;

namespace Overlay.Forwarding.Cases;

/// <summary>One table: what is done, and how.</summary>
/// <param name="Name">Its name on the command line and in the JSON.</param>
/// <param name="Description">The heading of its table.</param>
/// <param name="Workload">What is done.</param>
internal sealed record ForwardingCase(string Name, string Description, Workload Workload)
{
    /// <summary>All, in the order of a round.</summary>
    public static IReadOnlyList<ForwardingCase> All { get; } =
    [
        new("tcp", "TCP, one stream, nothing pinned", Workload.Tcp),
        new("tcp4", "TCP, four streams, nothing pinned", Workload.TcpFour),
        new("udp64", "UDP flood of 64-byte frames, nothing pinned", Workload.UdpFlood),
        new("ping", "Ping every 2 ms, nothing pinned", Workload.Ping),
        new("tcp-forwarders-one-cpu", "TCP, one stream, both forwarders on one CPU", Workload.Tcp) { Placement = Placement.ForwardersTogether },
        new("udp64-forwarders-one-cpu", "UDP flood of 64-byte frames, both forwarders on one CPU", Workload.UdpFlood) { Placement = Placement.ForwardersTogether },
        new("ping-forwarders-one-cpu", "Ping every 2 ms, both forwarders on one CPU", Workload.Ping) { Placement = Placement.ForwardersTogether },
        new("tcp-one-cpu", "TCP, one stream, everything on one CPU", Workload.Tcp) { Placement = Placement.AllTogether },
        new("tcp-to-kernel", "TCP, one stream, to a peer with kernel vxlan", Workload.Tcp) { IsMixed = true },
        new("tcp-from-kernel", "TCP, one stream, from a peer with kernel vxlan", Workload.Tcp) { IsMixed = true, IsReversed = true },
    ];

    /// <summary>Who runs where.</summary>
    public Placement Placement { get; init; }

    /// <summary>Whether it is about ends of different kinds.</summary>
    public bool IsMixed { get; init; }

    /// <summary>Whether host 2 sends.</summary>
    public bool IsReversed { get; init; }

    /// <summary>Whether a contestant takes part. The kernel is the one that the mixed cases compare with, too.</summary>
    public bool Includes(Contestant contestant) => IsMixed ? contestant.There is KernelVxlan : !contestant.IsMixed;

    /// <summary>Runs it once.</summary>
    /// <returns>A value for each metric of the workload.</returns>
    public double[] Run(TestBed bed, CpuSet cpus, int seconds)
    {
        IReadOnlyList<int> forwarders = bed.Forwarders;
        cpus.Place(forwarders, Placement);
        (Host sender, Host receiver) = IsReversed ? (bed.There, bed.Here) : (bed.Here, bed.There);
        return Workload.Run(sender, receiver, forwarders, seconds, cpus.Launcher(Placement));
    }
}
