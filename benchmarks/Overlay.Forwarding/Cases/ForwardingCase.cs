using Overlay.Forwarding.Measurement;
using Overlay.Forwarding.Subjects;

namespace Overlay.Forwarding.Cases;

/// <summary>One table: what is done, how, by whom, and with whom they are compared.</summary>
/// <param name="Name">Its name on the command line and in the JSON.</param>
/// <param name="Description">The heading of its table.</param>
/// <param name="Workload">What is done.</param>
/// <param name="Subjects">The names of the contestants that take part unless the command line says otherwise.</param>
internal sealed record ForwardingCase(string Name, string Description, Workload Workload, IReadOnlyList<string> Subjects)
{
    // What setting up two namespaces and a tunnel takes, in seconds.
    private const double SetUpSeconds = 1.5;

    // overlayd and the probe, each as it is and at nice +10, and the kernel.
    private static readonly string[] AtEachNice = ["kernel", "overlayd", "overlayd-nice10", "c-nice0", "c"];

    private static readonly string[] WithKernelPeer = ["kernel", "overlayd+kernel", "c-nice0+kernel", "overlayd-tgso+kernel", "c-tgso+kernel"];

    private static readonly string[] EachCompiler = ["overlayd", "overlayd-r2r", "overlayd-aot", "overlayd-aot-base"];

    /// <summary>All, in the order of a round.</summary>
    public static IReadOnlyList<ForwardingCase> All { get; } =
    [
        new("tcp", "TCP, one stream, nothing pinned", Workload.Tcp(1), [.. AtEachNice, "overlayd-tgso", "c-tgso"]) { ComparedWith = ["kernel", "c-nice0", "c", "c-tgso"] },
        new("tcp-compiled", "TCP, one stream, overlayd by its compilers", Workload.Tcp(1), EachCompiler) { ComparedWith = ["overlayd"], IsOpen = false },
        new("tcp-peers", "TCP, one stream, beside other tunnels in user space", Workload.Tcp(1), ["overlayd", "openvswitch", "wireguard-go"])
        {
            ComparedWith = ["openvswitch", "wireguard-go"], IsOpen = false,
        },
        new("tcp4", "TCP, four streams, nothing pinned", Workload.Tcp(4), ["kernel", "overlayd", "c-nice0", "overlayd-tgso"]),
        new("tcp8", "TCP, eight streams, nothing pinned", Workload.Tcp(8), ["kernel", "overlayd", "overlayd-tgso"]),
        new("tcp64", "TCP, 64 streams, nothing pinned", Workload.Tcp(64), ["kernel", "overlayd", "overlayd-tgso"]),
        new("udp64", "UDP flood of 64-byte frames, nothing pinned", Workload.UdpFlood, AtEachNice),
        new("udp64-compiled", "UDP flood of 64-byte frames, overlayd by its compilers", Workload.UdpFlood, EachCompiler) { ComparedWith = ["overlayd"], IsOpen = false },
        new("udp64-flows", "UDP flood of 64-byte frames, 64 flows, nothing pinned", Workload.Udp(64), ["kernel", "overlayd"]),
        new("udp64-loss", "UDP, 64-byte frames at less than 1 % loss, nothing pinned", Workload.UdpLossFree, ["kernel", "overlayd", "c-nice0"]),
        new("ping", "Ping every 2 ms, nothing pinned", Workload.Ping, ["kernel", "overlayd", "c-nice0", "c"]),
        new("ping-latency", "Ping every 2 ms, set for latency, nothing pinned", Workload.Ping, ["overlayd-latency", "c-latency"])
        {
            ComparedWith = ["c-latency"], IsOpen = false,
        },
        new("tcp-forwarders-one-cpu", "TCP, one stream, both forwarders on one CPU", Workload.Tcp(1), AtEachNice) { Placement = Placement.ForwardersTogether },
        new("udp64-forwarders-one-cpu", "UDP flood of 64-byte frames, both forwarders on one CPU", Workload.UdpFlood, AtEachNice)
        {
            Placement = Placement.ForwardersTogether, IsOnRequest = true,
        },
        new("ping-forwarders-one-cpu", "Ping every 2 ms, both forwarders on one CPU", Workload.Ping, AtEachNice) { Placement = Placement.ForwardersTogether, IsOnRequest = true },
        new("tcp-one-cpu", "TCP, one stream, everything on one CPU", Workload.Tcp(1), AtEachNice) { Placement = Placement.AllTogether },
        new("tcp-to-kernel", "TCP, one stream, to a peer with kernel vxlan", Workload.Tcp(1), WithKernelPeer) { ComparedWith = ["kernel", "c-nice0", "c-tgso"], IsMixed = true },
        new("tcp-from-kernel", "TCP, one stream, from a peer with kernel vxlan", Workload.Tcp(1), WithKernelPeer)
        {
            ComparedWith = ["kernel", "c-nice0", "c-tgso"], IsMixed = true, IsReversed = true,
        },
        new("ipip-tcp", "TCP, one stream, IP-in-IP beside VXLAN", Workload.Tcp(1), ["overlayd", "overlayd-ipip", "overlayd-ipip-tcx"])
        {
            ComparedWith = ["overlayd"], IsOpen = false,
        },
        new("memory", "Memory after traffic, and start-up, of a new daemon with two tunnels", Workload.Memory, ["overlayd-two", "overlayd-r2r-two", "overlayd-aot-two"])
        {
            ComparedWith = ["overlayd-two"], IsOpen = false, IsFresh = true,
        },
    ];

    /// <summary>Who runs where.</summary>
    public Placement Placement { get; init; }

    /// <summary>The subjects at host 1 that the others are compared with.</summary>
    public IReadOnlyList<string> ComparedWith { get; init; } = ["kernel", "c-nice0", "c"];

    /// <summary>Whether others than its own subjects may take part, if the command line names them.</summary>
    public bool IsOpen { get; init; } = true;

    /// <summary>Whether it runs only if the command line names it.</summary>
    public bool IsOnRequest { get; init; }

    /// <summary>Whether every measurement gets a tunnel that was set up for it.</summary>
    public bool IsFresh { get; init; }

    /// <summary>Whether it is about ends of different kinds.</summary>
    public bool IsMixed { get; init; }

    /// <summary>Whether host 2 sends.</summary>
    public bool IsReversed { get; init; }

    /// <summary>Whether a contestant can take part. The kernel is the one that the mixed cases compare with, too.</summary>
    public bool Includes(Contestant contestant) => Subjects.Contains(contestant.Name)
        || (IsOpen && (IsMixed ? contestant.There is KernelVxlan : !contestant.IsMixed));

    /// <summary>About how long one measurement takes, in seconds.</summary>
    public double Duration(int seconds) => Workload.Duration(seconds) + (IsFresh ? SetUpSeconds : 0);

    /// <summary>Runs it once.</summary>
    /// <returns>A value for each metric of the workload.</returns>
    public double[] Run(TestBed bed, CpuSet cpus, int seconds)
    {
        cpus.Place(bed.Forwarders, Placement);
        (Host sender, Host receiver) = IsReversed ? (bed.There, bed.Here) : (bed.Here, bed.There);
        return Workload.Run(new Track(bed, sender, receiver, seconds, cpus.Launcher(Placement)));
    }
}
