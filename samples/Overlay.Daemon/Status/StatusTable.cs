using System.Globalization;
using System.Text;

namespace Overlay.Daemon.Status;

/// <summary>The status as people read it: a row for each tunnel and direction, then what was dropped and why, offloads, sockets.</summary>
internal static class StatusTable
{
    private static readonly string[] OffloadNames = ["TSO", "USO", "GRO", "GSO", "TUNNEL-GSO"];

    /// <summary>Formats a status.</summary>
    public static string Format(DaemonStatus status)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{(status.Ready ? "ready" : "not ready")}, {Count(status.Tunnels.Count, "tunnel")}\n");
        if (status.Tunnels.Count > 0)
        {
            text.Append('\n');
            AppendTable(text, leftColumns: 6, Tunnels(status));
        }

        List<string[]> workers = [.. Workers(status)];
        if (workers.Count > 1)
        {
            text.Append('\n');
            AppendTable(text, leftColumns: 3, workers);
        }

        List<string[]> drops = [.. Drops(status)];
        if (drops.Count > 1)
        {
            text.Append('\n');
            AppendTable(text, leftColumns: 3, drops);
        }

        List<string[]> oddities = [.. Oddities(status)];
        if (oddities.Count > 1)
        {
            text.Append('\n');
            AppendTable(text, leftColumns: 2, oddities);
        }

        List<string[]> learning = [.. Learning(status)];
        if (learning.Count > 1)
        {
            text.Append('\n');
            AppendTable(text, leftColumns: 1, learning);
        }

        List<string[]> neighbors = [.. Neighbors(status)];
        if (neighbors.Count > 1)
        {
            text.Append('\n');
            AppendTable(text, leftColumns: 1, neighbors);
        }

        if (status.Tunnels.Count > 0)
        {
            text.Append('\n');
            AppendTable(text, leftColumns: 6, Offloads(status));
        }

        List<string[]> fallbacks = [.. Fallbacks(status)];
        if (fallbacks.Count > 1)
        {
            text.Append('\n');
            AppendTable(text, leftColumns: 3, fallbacks);
        }

        List<string[]> direct = [.. DirectRoutes(status)];
        if (direct.Count > 1)
        {
            text.Append('\n');
            AppendTable(text, leftColumns: 2, direct);
        }

        List<string[]> paths = [.. PathMtus(status)];
        if (paths.Count > 1)
        {
            text.Append('\n');
            AppendTable(text, leftColumns: 3, paths);
        }

        List<string[]> endpoints = [.. Endpoints(status)];
        if (endpoints.Count > 1)
        {
            text.Append('\n');
            AppendTable(text, leftColumns: 2, endpoints);
        }

        return text.ToString();
    }

    private static IEnumerable<string[]> Tunnels(DaemonStatus status)
    {
        yield return ["TUNNEL", "KIND", "DEVICE", "MTU", "MAC", "DIRECTION", "RX-PACKETS", "RX-BYTES", "TX-PACKETS", "TX-BYTES",
            "REPLICATED", "ORIGINATED", "CONSUMED", "DROPS"];
        foreach (TunnelStatus t in status.Tunnels)
        {
            yield return [t.Name, t.Kind, t.Device.Name, Number(t.Device.Mtu), t.Device.Mac ?? "-", "egress", .. Counters(t.Egress)];
            yield return ["", "", "", "", "", "ingress", .. Counters(t.Ingress)];
        }
    }

    private static IEnumerable<string[]> Workers(DaemonStatus status)
    {
        yield return ["TUNNEL", "WORKER", "DIRECTION", "RX-PACKETS", "RX-BYTES", "TX-PACKETS", "TX-BYTES", "REPLICATED", "ORIGINATED", "CONSUMED", "DROPS"];
        foreach (TunnelStatus tunnel in status.Tunnels)
        {
            foreach (WorkerStatus worker in tunnel.Workers ?? [])
            {
                yield return [tunnel.Name, Number(worker.Worker), "egress", .. Counters(worker.Egress)];
                yield return ["", "", "ingress", .. Counters(worker.Ingress)];
            }
        }
    }

    private static IEnumerable<string> Counters(DirectionStatus d) =>
        [Number(d.RxPackets), Number(d.RxBytes), Number(d.TxPackets), Number(d.TxBytes), Number(d.Replicated), Number(d.Originated), Number(d.Consumed),
            Number(d.Drops.Values.Sum())];

    private static IEnumerable<string[]> Drops(DaemonStatus status)
    {
        yield return ["DROPPED BY", "DIRECTION", "REASON", "PACKETS"];
        foreach (TunnelStatus tunnel in status.Tunnels)
        {
            foreach ((string reason, long packets) in tunnel.Egress.Drops)
            {
                yield return [tunnel.Name, "egress", reason, Number(packets)];
            }

            foreach ((string reason, long packets) in tunnel.Ingress.Drops)
            {
                yield return [tunnel.Name, "ingress", reason, Number(packets)];
            }
        }

        foreach ((string reason, long packets) in status.Drops)
        {
            yield return ["(no tunnel)", "-", reason, Number(packets)];
        }
    }

    // What senders did that the RFCs do not have them do, whether the packets were dropped for it or not.
    private static IEnumerable<string[]> Oddities(DaemonStatus status)
    {
        yield return ["TUNNEL", "RECEIVED", "PACKETS"];
        foreach (TunnelStatus tunnel in status.Tunnels)
        {
            foreach ((string bit, long packets) in tunnel.ReservedBits ?? DropCounts.None)
            {
                yield return [tunnel.Name, $"reserved bit {bit}", Number(packets)];
            }

            foreach ((string reason, long packets) in tunnel.Ingress.Tolerated ?? DropCounts.None)
            {
                yield return [tunnel.Name, $"{reason}, let pass", Number(packets)];
            }

            foreach ((string verdict, long packets) in tunnel.UnderlayIcmp ?? DropCounts.None)
            {
                yield return [tunnel.Name, $"ICMP error, {verdict}", Number(packets)];
            }

            if (tunnel.EcnAlarms != 0)
            {
                yield return [tunnel.Name, "dangerous ECN", Number(tunnel.EcnAlarms)];
            }
        }
    }

    private static IEnumerable<string[]> Learning(DaemonStatus status)
    {
        yield return ["TUNNEL", "FDB-ENTRIES", "MOVES", "FROZEN", "REFUSED-FULL", "REFUSED-PROTECTED", "REFUSED-FROZEN", "REFUSED-OTHER", "QUEUE-FULL"];
        foreach (TunnelStatus tunnel in status.Tunnels)
        {
            if (tunnel.Learning is LearningStatus l)
            {
                yield return [tunnel.Name, Number(l.Entries), Number(l.Moves), Number(l.Frozen), Number(l.Refused.Full), Number(l.Refused.Protected), Number(l.Refused.Frozen),
                    Number(l.Refused.Invalid + l.Refused.Own + l.Refused.Unpermitted), Number(l.QueueFull)];
            }
        }
    }

    // Only where there is something to see: most tunnels know no neighbours, and miss each that is asked for.
    private static IEnumerable<string[]> Neighbors(DaemonStatus status)
    {
        yield return ["TUNNEL", "NEIGHBORS", "LEARNED", "ANSWERED", "UNKNOWN", "UNFORWARDED", "PROBES", "ANNOUNCEMENTS", "MOVES", "REFUSED"];
        foreach (TunnelStatus tunnel in status.Tunnels)
        {
            if (tunnel.Neighbors is { } n && (n.Entries != 0 || n.Answered != 0 || n.Refused.Count != 0))
            {
                yield return [tunnel.Name, Number(n.Entries), Number(n.Learned), Number(n.Answered), Number(n.Unknown), Number(n.Unforwarded),
                    Number(n.Probes), Number(n.Announcements), Number(n.Moves), Number(n.Refused.Values.Sum())];
            }
        }
    }

    private static IEnumerable<string[]> Offloads(DaemonStatus status)
    {
        yield return ["TUNNEL", .. OffloadNames];
        foreach (TunnelStatus tunnel in status.Tunnels)
        {
            yield return [tunnel.Name, .. Uses(tunnel.Offload).Select(use => use.Active ? "on" : "off")];
        }
    }

    // Only what is not as the configuration asks: the rest needs no words.
    private static IEnumerable<string[]> Fallbacks(DaemonStatus status)
    {
        yield return ["TUNNEL", "OFFLOAD", "REASON", "FALLBACKS"];
        foreach (TunnelStatus tunnel in status.Tunnels)
        {
            foreach ((string name, OffloadUse use) in OffloadNames.Zip(Uses(tunnel.Offload)))
            {
                if (use.Asked && (use.Reason is not null || use.Fallbacks != 0))
                {
                    yield return [tunnel.Name, name, use.Reason ?? "-", Number(use.Fallbacks)];
                }
            }
        }
    }

    private static OffloadUse[] Uses(OffloadStatus offload) => [offload.Tso, offload.Uso, offload.Gro, offload.Gso, offload.TunnelGso];

    private static IEnumerable<string[]> DirectRoutes(DaemonStatus status)
    {
        yield return ["TUNNEL", "DIRECT ROUTE"];
        foreach (TunnelStatus tunnel in status.Tunnels)
        {
            foreach (string route in tunnel.DirectRoutes ?? [])
            {
                yield return [tunnel.Name, route];
            }
        }
    }

    private static IEnumerable<string[]> PathMtus(DaemonStatus status)
    {
        yield return ["TUNNEL", "REMOTE", "FOUND BY", "PATH-MTU", "INNER-MTU", "ROUTE-MTU", "AGE", "PROBING"];
        foreach (TunnelStatus tunnel in status.Tunnels)
        {
            foreach (PathMtuStatus path in tunnel.PathMtus ?? [])
            {
                yield return [tunnel.Name, path.Remote, path.Source, Number(path.Mtu), Number(path.InnerMtu), Number(path.Bound), $"{Number(path.AgeSeconds)} s",
                    path.Probing is { } probing ? $"{probing.State} ({probing.Cause}) {Number(probing.SinceSeconds)} s" : "off"];
            }
        }
    }

    private static IEnumerable<string[]> Endpoints(DaemonStatus status)
    {
        yield return ["TUNNEL", "ENDPOINT", "RECEIVE-BUFFER", "SOURCE-PORTS", "KERNEL-DROPS", "TRANSPORT"];
        foreach (TunnelStatus tunnel in status.Tunnels)
        {
            if (tunnel.Endpoint is EndpointStatus e)
            {
                yield return [tunnel.Name, e.Name, Number(e.ReceiveBufferBytes), Number(e.SourcePorts), Number(e.KernelDrops), e.Transport];
            }
        }
    }

    private static void AppendTable(StringBuilder text, int leftColumns, IEnumerable<string[]> rows)
    {
        List<string[]> table = [.. rows];
        int[] widths = [.. Enumerable.Range(0, table[0].Length).Select(column => table.Max(row => row[column].Length))];
        foreach (string[] row in table)
        {
            int start = text.Length;
            for (int column = 0; column < row.Length; column++)
            {
                text.Append(column == 0 ? "" : "  ");
                text.Append(column < leftColumns ? row[column].PadRight(widths[column]) : row[column].PadLeft(widths[column]));
            }

            while (text.Length > start && text[^1] == ' ')
            {
                text.Length--;
            }

            text.Append('\n');
        }
    }

    private static string Count(int number, string noun) => $"{Number(number)} {noun}{(number == 1 ? "" : "s")}";

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
