using Overlay.Forwarding.Measurement;

namespace Overlay.Forwarding.Report;

/// <summary>A row of the table of targets: which figure of which case, and what stands beside it.</summary>
/// <param name="Work">What is done.</param>
/// <param name="Case">The name of the case.</param>
/// <param name="Metric">The figure.</param>
/// <param name="Ours">The contestant that it is about.</param>
/// <param name="C">The contestant with the probe in C at the same nice; null where there is none.</param>
/// <param name="Other">What else it is compared with; null for nothing.</param>
internal sealed record Target(string Work, string Case, Metric Metric, string Ours, string? C = null, string? Other = null)
{
    /// <summary>The name of the contestant that every row is compared with, if its case has it.</summary>
    public const string Kernel = "kernel";

    /// <summary>All rows.</summary>
    public static IReadOnlyList<Target> All { get; } =
    [
        new("TCP, one stream, unpinned", "tcp", Metric.Throughput, "overlayd", "c-nice0"),
        new("the same at nice +10", "tcp", Metric.Throughput, "overlayd-nice10", "c"),
        new("the same, tunnel GSO", "tcp", Metric.Throughput, "overlayd-tgso", "c-tgso"),
        new("TCP, both daemons on one core", "tcp-forwarders-one-cpu", Metric.Throughput, "overlayd", "c-nice0"),
        new("the same at nice +10", "tcp-forwarders-one-cpu", Metric.Throughput, "overlayd-nice10", "c"),
        new("TCP, everything on one core", "tcp-one-cpu", Metric.Throughput, "overlayd", "c-nice0"),
        new("the same at nice +10", "tcp-one-cpu", Metric.Throughput, "overlayd-nice10", "c"),
        new("CPU, forwarder + iperf, unpinned", "tcp", Metric.ProcessCpu, "overlayd", "c-nice0"),
        new("UDP 64 B flood, unpinned", "udp64", Metric.ReceivedRate, "overlayd", "c-nice0"),
        new("the same at nice +10", "udp64", Metric.ReceivedRate, "overlayd-nice10", "c"),
        new("UDP 64 B at < 1 % loss", "udp64-loss", Metric.LossFreeRate, "overlayd", "c-nice0"),
        new("ping every 2 ms", "ping", Metric.RoundTrip, "overlayd", "c-nice0"),
        new("ping every 2 ms, latency mode", "ping-latency", Metric.RoundTrip, "overlayd-latency", "c-latency"),
        new("TCP to a kernel peer", "tcp-to-kernel", Metric.Throughput, "overlayd+kernel", "c-nice0+kernel"),
        new("TCP from a kernel peer", "tcp-from-kernel", Metric.Throughput, "overlayd+kernel", "c-nice0+kernel"),
        new("TCP to a kernel peer, tunnel GSO", "tcp-to-kernel", Metric.Throughput, "overlayd-tgso+kernel", "c-tgso+kernel"),
        new("TCP from a kernel peer, tunnel GSO", "tcp-from-kernel", Metric.Throughput, "overlayd-tgso+kernel", "c-tgso+kernel"),
        new("TCP, 4 streams", "tcp4", Metric.Throughput, "overlayd", "c-nice0"),
        new("TCP, 4 streams, tunnel GSO", "tcp4", Metric.Throughput, "overlayd-tgso"),
        new("TCP, 8 streams", "tcp8", Metric.Throughput, "overlayd"),
        new("TCP, 8 streams, tunnel GSO", "tcp8", Metric.Throughput, "overlayd-tgso"),
        new("TCP, 64 streams", "tcp64", Metric.Throughput, "overlayd"),
        new("TCP, 64 streams, tunnel GSO", "tcp64", Metric.Throughput, "overlayd-tgso"),
        new("UDP 64 B flood, 64 flows", "udp64-flows", Metric.ReceivedRate, "overlayd"),
        new("IP-in-IP TCP, raw", "ipip-tcp", Metric.Throughput, "overlayd-ipip", Other: "overlayd"),
        new("IP-in-IP TCP, tcx", "ipip-tcp", Metric.Throughput, "overlayd-ipip-tcx", Other: "overlayd"),
        new("TCP beside Open vSwitch netdev vxlan", "tcp-peers", Metric.Throughput, "overlayd", Other: "openvswitch"),
        new("TCP beside wireguard-go", "tcp-peers", Metric.Throughput, "overlayd", Other: "wireguard-go"),
        new("memory, 2 tunnels, JIT", "memory", Metric.Resident, "overlayd-two"),
        new("memory, 2 tunnels, AOT", "memory", Metric.Resident, "overlayd-aot-two", Other: "overlayd-two"),
        new("start-up until ready, JIT", "memory", Metric.StartTime, "overlayd-two"),
        new("start-up until ready, ReadyToRun", "memory", Metric.StartTime, "overlayd-r2r-two", Other: "overlayd-two"),
        new("start-up until ready, AOT", "memory", Metric.StartTime, "overlayd-aot-two", Other: "overlayd-two"),
    ];
}
