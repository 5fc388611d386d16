namespace Overlay.Forwarding.Measurement;

/// <summary>A column of the tables.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Unit">The unit; empty if the name says it.</param>
/// <param name="HigherIsBetter">Which way is better.</param>
/// <param name="Format">How its numbers are written.</param>
internal sealed record Metric(string Name, string Unit, bool HigherIsBetter, string Format)
{
    /// <summary>Payload that TCP delivered.</summary>
    public static Metric Throughput { get; } = new("TCP", "Gbit/s", HigherIsBetter: true, "0.00");

    /// <summary>Datagrams that arrived.</summary>
    public static Metric ReceivedRate { get; } = new("received", "kpps", HigherIsBetter: true, "0");

    /// <summary>Datagrams that arrived at the highest rate at which less than 1 % was lost.</summary>
    public static Metric LossFreeRate { get; } = new("received at < 1 % loss", "kpps", HigherIsBetter: true, "0");

    /// <summary>Datagrams or pings that did not.</summary>
    public static Metric Lost { get; } = new("lost", "%", HigherIsBetter: false, "0.0");

    /// <summary>The mean round trip of a ping.</summary>
    public static Metric RoundTrip { get; } = new("round trip", "µs", HigherIsBetter: false, "0");

    /// <summary>CPU time of forwarders and iperf3.</summary>
    public static Metric ProcessCpu { get; } = new("CPU processes", "s/GB", HigherIsBetter: false, "0.00");

    /// <summary>CPU time of the whole machine.</summary>
    public static Metric SystemCpu { get; } = new("CPU system", "s/GB", HigherIsBetter: false, "0.00");

    /// <summary>CPU time of the forwarders.</summary>
    public static Metric ForwarderCpu { get; } = new("CPU forwarders", "s/GB", HigherIsBetter: false, "0.00");

    /// <summary>CPU time of forwarders and iperf3 for a datagram that arrived.</summary>
    public static Metric ProcessCpuPerPacket { get; } = new("CPU processes", "µs/packet", HigherIsBetter: false, "0.00");

    /// <summary>CPU time of the forwarders for a datagram that arrived.</summary>
    public static Metric ForwarderCpuPerPacket { get; } = new("CPU forwarders", "µs/packet", HigherIsBetter: false, "0.00");

    /// <summary>Memory that a forwarding process has in RAM, in 2²⁰ bytes.</summary>
    public static Metric Resident { get; } = new("resident", "MiB", HigherIsBetter: false, "0.0");

    /// <summary>Time from the start of a forwarding process until it said that it was ready.</summary>
    public static Metric StartTime { get; } = new("start", "ms", HigherIsBetter: false, "0");

    /// <summary>Name and unit for the head of a table.</summary>
    public string Title => $"{Name} {Unit}";
}
