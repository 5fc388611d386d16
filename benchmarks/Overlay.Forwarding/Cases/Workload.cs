using Overlay.Forwarding.Measurement;
using Overlay.Forwarding.Subjects;

namespace Overlay.Forwarding.Cases;

/// <summary>What is done and what is read off.</summary>
internal abstract class Workload
{
    private const double BytesPerGB = 1e9;

    /// <summary>One TCP connection.</summary>
    public static Workload Tcp { get; } = new TcpWorkload(1);

    /// <summary>Four TCP connections at once.</summary>
    public static Workload TcpFour { get; } = new TcpWorkload(4);

    /// <summary>As many frames of 64 bytes as can be sent.</summary>
    public static Workload UdpFlood { get; } = new UdpWorkload();

    /// <summary>A ping every 2 ms.</summary>
    public static Workload Ping { get; } = new PingWorkload();

    /// <summary>What it gives; the first is the one that subjects are compared by.</summary>
    public abstract IReadOnlyList<Metric> Metrics { get; }

    /// <summary>Does it once.</summary>
    /// <returns>A value for each of <see cref="Metrics"/>, in that order.</returns>
    public abstract double[] Run(Host sender, Host receiver, IReadOnlyList<int> forwarders, int seconds, IReadOnlyList<string> launcher);

    private sealed class TcpWorkload(int streams) : Workload
    {
        public override IReadOnlyList<Metric> Metrics { get; } = [Metric.Throughput, Metric.ProcessCpu, Metric.SystemCpu, Metric.ForwarderCpu];

        public override double[] Run(Host sender, Host receiver, IReadOnlyList<int> forwarders, int seconds, IReadOnlyList<string> launcher)
        {
            (TcpResult result, CpuUse use) = CpuUse.Of(forwarders, () => Iperf3.RunTcp(sender, receiver, seconds, streams, launcher));
            if (result.Bytes == 0)
            {
                throw new InvalidDataException("TCP carried nothing.");
            }

            double gigabytes = result.Bytes / BytesPerGB;
            return [result.GbitPerSecond, (use.Forwarders + use.Traffic) / gigabytes, use.System / gigabytes, use.Forwarders / gigabytes];
        }
    }

    private sealed class UdpWorkload : Workload
    {
        public override IReadOnlyList<Metric> Metrics { get; } = [Metric.ReceivedRate, Metric.Lost];

        public override double[] Run(Host sender, Host receiver, IReadOnlyList<int> forwarders, int seconds, IReadOnlyList<string> launcher)
        {
            UdpResult result = Iperf3.RunUdpFlood(sender, receiver, seconds, launcher);
            return [result.ReceivedKpps, result.LostPercent];
        }
    }

    private sealed class PingWorkload : Workload
    {
        // Half of the time of the others: 500 pings where they take 2 s.
        private const int PingsPerSecond = 250;

        public override IReadOnlyList<Metric> Metrics { get; } = [Metric.RoundTrip, Metric.Lost];

        public override double[] Run(Host sender, Host receiver, IReadOnlyList<int> forwarders, int seconds, IReadOnlyList<string> launcher)
        {
            PingSummary result = PingSummary.Run(sender, receiver, PingsPerSecond * seconds, launcher);
            return [result.AverageMicroseconds, result.LostPercent];
        }
    }
}
