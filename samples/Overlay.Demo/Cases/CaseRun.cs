using System.Net;
using System.Net.Sockets;
using Overlay.Demo.Hosts;
using Overlay.Demo.Report;
using Overlay.Demo.Traffic;
using Overlay.Encapsulation;

namespace Overlay.Demo.Cases;

/// <summary>Runs one case in its lab, step by step, and keeps what each step measured.</summary>
/// <param name="tunnelCase">The case.</param>
/// <param name="pcapDirectory">Where captures go; null for none.</param>
/// <param name="narrator">Is told each step.</param>
/// <param name="cancellation">Ends it between two steps.</param>
internal sealed class CaseRun(TunnelCase tunnelCase, string? pcapDirectory, Narrator narrator, CancellationToken cancellation)
{
    private const int LinkMtu = 1500;
    private const int Pings = 100;
    private const int PingPayload = 56;
    private const int FullSizePings = 10;
    private const int Datagrams = 256;
    private const int ComparedBytes = 4 << 20;
    private const int MeasuredSeconds = 1;

    private static readonly TimeSpan ComparedBound = TimeSpan.FromSeconds(5);

    private readonly List<string> _failures = [];
    private readonly Dictionary<string, FamilyResult> _families = [];
    private CaseResult _result = new() { Case = tunnelCase.Name, Peer = tunnelCase.PeerName };

    /// <summary>Runs it.</summary>
    /// <exception cref="OperationCanceledException">It was interrupted.</exception>
    public CaseResult Run()
    {
        try
        {
            using Lab lab = Lab.Create(tunnelCase);
            RunIn(lab);
        }
        catch (UnavailableException exception)
        {
            narrator.Step("unavailable", exception.Message);
            return _result with { Available = false, Unavailable = exception.Message };
        }
        catch (Exception exception) when (Machine.IsFailure(exception))
        {
            // A signal of the terminal ends the programs that were started here, too: that is no failure.
            cancellation.ThrowIfCancellationRequested();
            _failures.Add(Machine.Explain(exception));
        }

        foreach (string failure in _failures)
        {
            narrator.Step("FAILED", failure);
        }

        return _result with { Passed = _failures.Count == 0, Failures = _failures, Families = _families };
    }

    private void RunIn(Lab lab)
    {
        Start(lab);
        using (Captures captures = Captures.Start(pcapDirectory, tunnelCase, lab.Here))
        {
            foreach (AddressFamily family in tunnelCase.Inner.Where(family => family == AddressFamily.InterNetwork || Machine.HasIPv6))
            {
                RunFamily(lab, family);
            }

            if (captures.Stop() is string captured)
            {
                narrator.Step("pcap", captured);
            }
        }

        Measure(lab);
        Close(lab);
    }

    private void Start(Lab lab)
    {
        int mtu = lab.Here.OverlayMtu;
        int expected = LinkMtu - TunnelMtu.Overhead(tunnelCase.Kind, tunnelCase.Underlay);
        _result = _result with { Mtu = mtu };
        Check(mtu == expected, $"the MTU of the tunnel is {mtu}, not {expected}");
        Check(mtu == lab.There.OverlayMtu, $"the MTU of the tunnel is {mtu} here and {lab.There.OverlayMtu} at the peer");
        foreach (string device in tunnelCase.Kind == TunnelKind.IPInIP ? lab.Here.KernelTunnelDevices : [])
        {
            narrator.Step("note", $"this kernel has {device}: it sees these packets, too, and may answer them with ICMP errors");
        }

        narrator.Step("start", $"overlayd was ready after {lab.Here.Daemon!.StartTime.TotalMilliseconds:0} ms; MTU {mtu} over a link of {LinkMtu}");
    }

    private void RunFamily(Lab lab, AddressFamily family)
    {
        string name = TunnelCase.FamilyName(family);
        IPAddress address = IPAddress.Parse(lab.There.Plan.InnerAddress(family));
        int fullPayload = EchoClient.PayloadOf(_result.Mtu!.Value, family);
        FamilyResult result = new();
        try
        {
            using (EchoClient echo = new(lab.Here.Netns, address))
            {
                result = result with { Ping = echo.Run(Pings, PingPayload, cancellation) };
                result = result with { FullSizePing = echo.Run(FullSizePings, fullPayload, cancellation) };
            }

            ReportPings(name, address, result);
            if (tunnelCase.Kind == TunnelKind.Vxlan)
            {
                result = ResolveNeighbors(lab, family, result);
            }

            // A UDP header is as long as that of an echo request, so the same payload fills the MTU.
            result = result with { Udp = UdpExchange.Run(lab.Here.Netns, lab.There.Netns, address, Datagrams, fullPayload, cancellation) };
            narrator.Step(
                $"UDP {Short(family)}",
                $"{result.Udp.Received} of {result.Udp.Sent} datagrams of {fullPayload} bytes that fill the MTU, there and back, every byte compared");
            Check(result.Udp.Complete, $"{name}: {result.Udp.Sent - result.Udp.Received} of {result.Udp.Sent} UDP datagrams were lost");

            result = result with { TcpBytesSent = Transfer(lab.Here, lab.There, family, ComparedBytes, ComparedBound).Bytes };
            result = result with { TcpBytesReceived = Transfer(lab.There, lab.Here, family, ComparedBytes, ComparedBound).Bytes };
            narrator.Step($"TCP {Short(family)}", $"{result.TcpBytesSent} bytes out, {result.TcpBytesReceived} bytes in, every byte compared");
            Check(result is { TcpBytesSent: > 0, TcpBytesReceived: > 0 }, $"{name}: no TCP in one of the directions");
        }
        finally
        {
            _families[name.ToLowerInvariant()] = result;
        }
    }

    private void ReportPings(string name, IPAddress address, FamilyResult result)
    {
        (EchoResult ping, EchoResult full) = (result.Ping!, result.FullSizePing!);
        _result = _result with { RoundTripMicroseconds = _result.RoundTripMicroseconds ?? ping.RoundTripMicroseconds };
        narrator.Step(
            $"ping v{name[^1]}",
            $"{address}: {InWords(ping)}; that fill the MTU: {InWords(full)}");
        Check(ping.Complete && full.Complete, $"{name}: {ping.Sent + full.Sent - ping.Received - full.Received} pings were lost");
    }

    private FamilyResult ResolveNeighbors(Lab lab, AddressFamily family, FamilyResult result)
    {
        result = result with
        {
            NeighborMac = lab.Here.NeighborMac(lab.There.Plan.InnerAddress(family)),
            OwnMacAtPeer = lab.There.NeighborMac(lab.Here.Plan.InnerAddress(family)),
        };
        string protocol = family == AddressFamily.InterNetwork ? "ARP" : "ND";
        narrator.Step(protocol, $"here the peer is {result.NeighborMac ?? "unknown"}, at the peer this host is {result.OwnMacAtPeer ?? "unknown"}");
        Check(result.NeighborMac == lab.There.Plan.Mac, $"{protocol}: the peer is {result.NeighborMac ?? "unknown"} here, not {lab.There.Plan.Mac}");
        Check(
            result.OwnMacAtPeer == lab.Here.Plan.Mac,
            $"{protocol}: this host is {result.OwnMacAtPeer ?? "unknown"} at the peer, not {lab.Here.Plan.Mac}");
        return result;
    }

    private void Measure(Lab lab)
    {
        AddressFamily family = _families.ContainsKey("ipv4") ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        bool iperf = Iperf3.IsPresent;
        _result = _result with { MeasuredBy = iperf ? "iperf3" : "own" };
        _result = _result with { GbitPerSecondSent = Throughput(lab, family, reverse: false, iperf) };
        _result = _result with { GbitPerSecondReceived = Throughput(lab, family, reverse: true, iperf) };
        narrator.Step(
            iperf ? "iperf3" : "TCP, own",
            FormattableString.Invariant($"{_result.GbitPerSecondSent:0.00} Gbit/s out, {_result.GbitPerSecondReceived:0.00} Gbit/s in, ") +
                $"one connection, {MeasuredSeconds} s each");
        Check(_result is { GbitPerSecondSent: > 0, GbitPerSecondReceived: > 0 }, "no TCP in one of the directions while measuring");
    }

    private double Throughput(Lab lab, AddressFamily family, bool reverse, bool iperf)
    {
        cancellation.ThrowIfCancellationRequested();
        if (iperf)
        {
            return Iperf3.Run(lab.Here.Netns, lab.There.Netns, IPAddress.Parse(lab.There.Plan.InnerAddress(family)), MeasuredSeconds, reverse);
        }

        (LabHost sender, LabHost receiver) = reverse ? (lab.There, lab.Here) : (lab.Here, lab.There);
        return Transfer(sender, receiver, family, long.MaxValue, TimeSpan.FromSeconds(MeasuredSeconds)).GbitPerSecond;
    }

    private TcpResult Transfer(LabHost sender, LabHost receiver, AddressFamily family, long bytes, TimeSpan time) =>
        TcpTransfer.Run(sender.Netns, receiver.Netns, IPAddress.Parse(receiver.Plan.InnerAddress(family)), bytes, time, cancellation);

    private void Close(Lab lab)
    {
        Audit audit = Audit.Take(lab, cancellation);
        _result = _result with { Books = audit.Books, Drops = audit.Drops, DropsExplained = audit.Explanations };
        foreach (DirectionBook book in audit.Books)
        {
            narrator.Step("books", book.ToString());
            Check(book.Balanced, $"the books do not balance: {book}");
            Check(book.RxPackets > 0, $"{book.Host} {book.Direction}: no packet at all");
        }

        foreach ((string reason, long count) in audit.Drops)
        {
            narrator.Step("drops", $"{reason} {count}: {audit.Explanations.GetValueOrDefault(reason, "unexplained")}");
        }

        foreach (string reason in audit.Unexplained)
        {
            Check(false, $"{audit.Drops[reason]} packets were dropped as {reason}");
        }

        foreach (LabHost host in lab.Hosts.Where(host => host.Daemon is not null))
        {
            (int code, TimeSpan time) = host.Daemon!.Stop();
            Check(code == 0, $"overlayd ended with {code} after {time.TotalMilliseconds:0} ms: {host.Daemon.Log.Trim()}");
        }
    }

    private void Check(bool condition, string failure)
    {
        if (!condition)
        {
            _failures.Add(failure);
        }
    }

    private static string InWords(EchoResult result) => FormattableString.Invariant($"{result.Received} of {result.Sent}, median {result.RoundTripMicroseconds:0.0} us");

    private static string Short(AddressFamily family) => family == AddressFamily.InterNetwork ? "v4" : "v6";
}
