using Overlay.Forwarding.Measurement;

namespace Overlay.Forwarding.Cases;

/// <summary>What is done and what is read off.</summary>
internal abstract class Workload
{
    // What starting and ending iperf3 takes beside the traffic.
    private const double Iperf3Seconds = 0.4;
    private const double BytesPerGB = 1e9;
    private const double MicrosecondsPerSecond = 1e6;

    /// <summary>As many frames of 64 bytes as can be sent, from one port.</summary>
    public static Workload UdpFlood { get; } = new UdpWorkload(1);

    /// <summary>The highest rate of such frames at which less than 1 % is lost.</summary>
    public static Workload UdpLossFree { get; } = new LossFreeWorkload();

    /// <summary>A ping every 2 ms.</summary>
    public static Workload Ping { get; } = new PingWorkload();

    /// <summary>A second of each kind of traffic; then memory is looked at.</summary>
    public static Workload Memory { get; } = new MemoryWorkload();

    /// <summary>What it gives; the first is the one that subjects are compared by.</summary>
    public abstract IReadOnlyList<Metric> Metrics { get; }

    /// <summary>TCP connections, all at once.</summary>
    /// <param name="streams">How many.</param>
    public static Workload Tcp(int streams) => new TcpWorkload(streams);

    /// <summary>As many frames of 64 bytes as can be sent.</summary>
    /// <param name="flows">From how many ports.</param>
    public static Workload Udp(int flows) => new UdpWorkload(flows);

    /// <summary>Does it once.</summary>
    /// <returns>A value for each of <see cref="Metrics"/>, in that order.</returns>
    public abstract double[] Run(Track track);

    /// <summary>About how long that takes, in seconds.</summary>
    /// <param name="seconds">The length of one measurement.</param>
    public abstract double Duration(int seconds);

    private sealed class TcpWorkload(int streams) : Workload
    {
        public override IReadOnlyList<Metric> Metrics { get; } = [Metric.Throughput, Metric.ProcessCpu, Metric.SystemCpu, Metric.ForwarderCpu];

        public override double[] Run(Track track)
        {
            (TcpResult result, CpuUse use) = CpuUse.Of(
                track.Bed.Forwarders, () => Iperf3.RunTcp(track.Sender, track.Receiver, track.Seconds, streams, track.Launcher));
            if (result.Bytes == 0)
            {
                throw new InvalidDataException("TCP carried nothing.");
            }

            double gigabytes = result.Bytes / BytesPerGB;
            return [result.GbitPerSecond, (use.Forwarders + use.Traffic) / gigabytes, use.System / gigabytes, use.Forwarders / gigabytes];
        }

        public override double Duration(int seconds) => seconds + Iperf3Seconds;
    }

    private sealed class UdpWorkload(int flows) : Workload
    {
        public override IReadOnlyList<Metric> Metrics { get; } = [Metric.ReceivedRate, Metric.Lost, Metric.ProcessCpuPerPacket, Metric.ForwarderCpuPerPacket];

        public override double[] Run(Track track)
        {
            (UdpResult result, CpuUse use) = CpuUse.Of(
                track.Bed.Forwarders, () => Iperf3.RunUdp(track.Sender, track.Receiver, track.Seconds, flows, packetsPerSecond: 0, track.Launcher));
            if (result.Packets == 0)
            {
                throw new InvalidDataException("No datagram arrived.");
            }

            double perPacket = MicrosecondsPerSecond / result.Packets;
            return [result.ReceivedKpps, result.LostPercent, (use.Forwarders + use.Traffic) * perPacket, use.Forwarders * perPacket];
        }

        public override double Duration(int seconds) => seconds + Iperf3Seconds;
    }

    private sealed class LossFreeWorkload : Workload
    {
        public override IReadOnlyList<Metric> Metrics { get; } = [Metric.LossFreeRate];

        public override double[] Run(Track track) =>
            [LossFreeSearch.Run(rate => Iperf3.RunUdp(track.Sender, track.Receiver, Step(track.Seconds), flows: 1, rate, track.Launcher))];

        public override double Duration(int seconds) => LossFreeSearch.Runs * (Step(seconds) + Iperf3Seconds);

        // Half as long as the others, since there are so many.
        private static int Step(int seconds) => Math.Max(1, seconds / 2);
    }

    private sealed class PingWorkload : Workload
    {
        // Half of the time of the others: 500 pings where they take 2 s.
        private const int PingsPerSecond = 250;

        public override IReadOnlyList<Metric> Metrics { get; } = [Metric.RoundTrip, Metric.Lost];

        public override double[] Run(Track track)
        {
            PingSummary result = PingSummary.Run(track.Sender, track.Receiver, PingsPerSecond * track.Seconds, track.Launcher);
            return [result.AverageMicroseconds, result.LostPercent];
        }

        public override double Duration(int seconds) => seconds / 2.0;
    }

    private sealed class MemoryWorkload : Workload
    {
        private const int TrafficSeconds = 1;
        private const int Streams = 4;

        public override IReadOnlyList<Metric> Metrics { get; } = [Metric.Resident, Metric.StartTime];

        public override double[] Run(Track track)
        {
            Iperf3.RunTcp(track.Sender, track.Receiver, TrafficSeconds, Streams, track.Launcher);
            Iperf3.RunUdp(track.Sender, track.Receiver, TrafficSeconds, flows: 1, packetsPerSecond: 0, track.Launcher);
            // The larger of the two ends, and the slower one.
            return
            [
                track.Bed.Forwarders.Max(id => ProcStatus.ResidentMebibytes(File.ReadAllText($"/proc/{id}/status"))),
                track.Bed.StartTime?.TotalMilliseconds ?? throw new InvalidDataException("It has no process that says when it is ready."),
            ];
        }

        public override double Duration(int seconds) => 2 * (TrafficSeconds + Iperf3Seconds);
    }
}
