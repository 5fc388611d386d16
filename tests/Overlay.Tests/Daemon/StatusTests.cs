using System.Text.Json;
using Overlay.Daemon.Commands;
using Overlay.Daemon.Control;
using Overlay.Daemon.Status;
using Overlay.DataPath;
using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>What <c>status</c> prints: the JSON is a public format.</summary>
public class StatusTests
{
    private static readonly DaemonStatus Sample = new()
    {
        Ready = true,
        Drops = Drops((DropReason.UnknownVni, 3)),
        Tunnels =
        [
            new TunnelStatus
            {
                Name = "vx42",
                Kind = "vxlan",
                Device = new DeviceStatus { Name = "vx42", Mtu = 1450, Mac = "02:00:00:00:00:01" },
                Egress = new DirectionStatus
                {
                    RxPackets = 10, RxBytes = 1000, TxPackets = 11, TxBytes = 1550, Replicated = 2, Originated = 0, Consumed = 0,
                    Drops = Drops((DropReason.NoRemote, 1)),
                },
                Ingress = new DirectionStatus(),
                Endpoint = new EndpointStatus { Name = "192.0.2.1:4789", ReceiveBufferBytes = 4194304, SourcePorts = 16, KernelDrops = 5, Transport = "udp", TunnelGsoSuperpackets = 1, TunnelGsoFrames = 2 },
                Learning = new LearningStatus(3, 4, 1, new LearnRefusals(Full: 5, Protected: 6, Invalid: 7, Own: 10, Frozen: 9, Unpermitted: 11), 8),
                Offload = new OffloadStatus
                {
                    Tso = new OffloadUse { Asked = true, Active = true, Fallbacks = 2 },
                    Uso = new OffloadUse { Asked = true, Reason = "kernel refused (EINVAL)" },
                    Gro = new OffloadUse { Reason = "configured off" },
                    Gso = new OffloadUse { Asked = true, Active = true },
                    TunnelGso = OffloadUse.Absent(true, "transport is udp"),
                },
            },
            new TunnelStatus
            {
                Name = "ipip0",
                Kind = "ipip",
                Device = new DeviceStatus { Name = "ipip0", Mtu = 1480 },
                Egress = new DirectionStatus { RxPackets = long.MaxValue },
                Ingress = new DirectionStatus { RxPackets = 4, RxBytes = 400, Drops = Drops((DropReason.BadLength, 1), (DropReason.EcnInvalid, 3)) },
            },
        ],
    };

    [Fact]
    public void The_JSON_has_exactly_the_documented_shape()
    {
        const string Golden = """
            {
              "ready": true,
              "drops": {
                "unknown-vni": 3
              },
              "tunnels": [
                {
                  "name": "vx42",
                  "kind": "vxlan",
                  "device": {
                    "name": "vx42",
                    "mtu": 1450,
                    "mac": "02:00:00:00:00:01"
                  },
                  "egress": {
                    "rxPackets": 10,
                    "rxBytes": 1000,
                    "txPackets": 11,
                    "txBytes": 1550,
                    "replicated": 2,
                    "originated": 0,
                    "consumed": 0,
                    "drops": {
                      "no-remote": 1
                    }
                  },
                  "ingress": {
                    "rxPackets": 0,
                    "rxBytes": 0,
                    "txPackets": 0,
                    "txBytes": 0,
                    "replicated": 0,
                    "originated": 0,
                    "consumed": 0,
                    "drops": {}
                  },
                  "learning": {
                    "entries": 3,
                    "moves": 4,
                    "frozen": 1,
                    "refused": {
                      "full": 5,
                      "protected": 6,
                      "invalid": 7,
                      "own": 10,
                      "frozen": 9,
                      "unpermitted": 11
                    },
                    "queueFull": 8
                  },
                  "offload": {
                    "tso": {
                      "asked": true,
                      "active": true,
                      "fallbacks": 2
                    },
                    "uso": {
                      "asked": true,
                      "active": false,
                      "reason": "kernel refused (EINVAL)",
                      "fallbacks": 0
                    },
                    "gro": {
                      "asked": false,
                      "active": false,
                      "reason": "configured off",
                      "fallbacks": 0
                    },
                    "gso": {
                      "asked": true,
                      "active": true,
                      "fallbacks": 0
                    },
                    "tunnelGso": {
                      "asked": false,
                      "active": false,
                      "reason": "transport is udp",
                      "fallbacks": 0
                    }
                  },
                  "endpoint": {
                    "name": "192.0.2.1:4789",
                    "receiveBufferBytes": 4194304,
                    "sourcePorts": 16,
                    "kernelDrops": 5,
                    "transport": "udp",
                    "tunnelGsoSuperpackets": 1,
                    "tunnelGsoFrames": 2
                  }
                },
                {
                  "name": "ipip0",
                  "kind": "ipip",
                  "device": {
                    "name": "ipip0",
                    "mtu": 1480,
                    "mac": null
                  },
                  "egress": {
                    "rxPackets": 9223372036854775807,
                    "rxBytes": 0,
                    "txPackets": 0,
                    "txBytes": 0,
                    "replicated": 0,
                    "originated": 0,
                    "consumed": 0,
                    "drops": {}
                  },
                  "ingress": {
                    "rxPackets": 4,
                    "rxBytes": 400,
                    "txPackets": 0,
                    "txBytes": 0,
                    "replicated": 0,
                    "originated": 0,
                    "consumed": 0,
                    "drops": {
                      "bad-length": 1,
                      "ecn-invalid": 3
                    }
                  },
                  "offload": {
                    "tso": {
                      "asked": false,
                      "active": false,
                      "fallbacks": 0
                    },
                    "uso": {
                      "asked": false,
                      "active": false,
                      "fallbacks": 0
                    },
                    "gro": {
                      "asked": false,
                      "active": false,
                      "fallbacks": 0
                    },
                    "gso": {
                      "asked": false,
                      "active": false,
                      "fallbacks": 0
                    },
                    "tunnelGso": {
                      "asked": false,
                      "active": false,
                      "fallbacks": 0
                    }
                  }
                }
              ]
            }

            """;
        Assert.Equal(Golden, StatusCommand.Indent(JsonSerializer.SerializeToElement(Sample, ControlJson.Default.DaemonStatus)));
    }

    [Fact]
    public void The_table_lines_up_and_says_what_was_dropped()
    {
        const string Golden = """
            ready, 2 tunnels

            TUNNEL  KIND   DEVICE  MTU   MAC                DIRECTION           RX-PACKETS  RX-BYTES  TX-PACKETS  TX-BYTES  REPLICATED  ORIGINATED  CONSUMED  DROPS
            vx42    vxlan  vx42    1450  02:00:00:00:00:01  egress                      10      1000          11      1550           2           0         0      1
                                                            ingress                      0         0           0         0           0           0         0      0
            ipip0   ipip   ipip0   1480  -                  egress     9223372036854775807         0           0         0           0           0         0      0
                                                            ingress                      4       400           0         0           0           0         0      4

            DROPPED BY   DIRECTION  REASON       PACKETS
            vx42         egress     no-remote          1
            ipip0        ingress    bad-length         1
            ipip0        ingress    ecn-invalid        3
            (no tunnel)  -          unknown-vni        3

            TUNNEL  FDB-ENTRIES  MOVES  FROZEN  REFUSED-FULL  REFUSED-PROTECTED  REFUSED-FROZEN  REFUSED-OTHER  QUEUE-FULL
            vx42              3      4       1             5                  6               9             28           8

            TUNNEL  TSO  USO  GRO  GSO  TUNNEL-GSO
            vx42    on   off  off  on   off
            ipip0   off  off  off  off  off

            TUNNEL  OFFLOAD  REASON                   FALLBACKS
            vx42    TSO      -                                2
            vx42    USO      kernel refused (EINVAL)          0

            TUNNEL  ENDPOINT        RECEIVE-BUFFER  SOURCE-PORTS  KERNEL-DROPS  TRANSPORT
            vx42    192.0.2.1:4789         4194304            16             5        udp

            """;
        Assert.Equal(Golden, StatusTable.Format(Sample));
    }

    [Fact]
    public void What_senders_do_against_the_rules_is_shown_where_it_happened()
    {
        TunnelStatus tunnel = Sample.Tunnels[0] with
        {
            ReservedBits = new Dictionary<string, long> { ["8000000000000000"] = 3, ["0000000000000001"] = 1 },
            EcnAlarms = 7,
        };
        DaemonStatus status = Sample with { Tunnels = [tunnel] };
        Assert.Contains(
            """
            TUNNEL  RECEIVED                       PACKETS
            vx42    reserved bit 8000000000000000        3
            vx42    reserved bit 0000000000000001        1
            vx42    dangerous ECN                        7

            """,
            StatusTable.Format(status),
            StringComparison.Ordinal);
        Assert.DoesNotContain("RECEIVED", StatusTable.Format(Sample), StringComparison.Ordinal);

        JsonElement json = JsonSerializer.SerializeToElement(status, ControlJson.Default.DaemonStatus).GetProperty("tunnels")[0];
        Assert.Equal((3, 1, 7), (
            json.GetProperty("reservedBits").GetProperty("8000000000000000").GetInt64(),
            json.GetProperty("reservedBits").GetProperty("0000000000000001").GetInt64(),
            json.GetProperty("ecnAlarms").GetInt64()));
    }

    [Fact]
    public void What_a_policy_only_counts_is_shown_beside_the_books()
    {
        DirectionCounters counters = new();
        Assert.Null(DirectionStatus.From(counters).Tolerated);
        DirectionStatus one = new() { RxPackets = 5, TxPackets = 5, Tolerated = Drops((DropReason.UnknownRemote, 2), (DropReason.ForeignSource, 1)) };
        DirectionStatus sum = DirectionStatus.Sum([one, new() { Tolerated = Drops((DropReason.ForeignSource, 4)) }, new()]);
        Assert.Equal([KeyValuePair.Create("unknown-remote", 2L), KeyValuePair.Create("foreign-source", 5L)], sum.Tolerated!);
        Assert.Null(DirectionStatus.Sum([new(), new()]).Tolerated);
        DaemonStatus status = Sample with { Tunnels = [Sample.Tunnels[0] with { Ingress = sum }] };
        Assert.Contains(
            """
            TUNNEL  RECEIVED                  PACKETS
            vx42    unknown-remote, let pass        2
            vx42    foreign-source, let pass        5

            """,
            StatusTable.Format(status),
            StringComparison.Ordinal);
        JsonElement json = JsonSerializer.SerializeToElement(status, ControlJson.Default.DaemonStatus).GetProperty("tunnels")[0];
        Assert.Equal(5, json.GetProperty("ingress").GetProperty("tolerated").GetProperty("foreign-source").GetInt64());
        Assert.False(json.GetProperty("egress").TryGetProperty("tolerated", out _));
    }

    [Fact]
    public void Neighbours_are_shown_where_there_are_any()
    {
        NeighborTable table = new();
        table.Set(new Vni(42), ValueIPAddress.Parse("10.0.0.2"), MacAddress.Parse("02:00:00:00:00:02"));
        table.Learn(new Vni(42), ValueIPAddress.Parse("10.0.0.3"), MacAddress.Parse("02:00:00:00:00:03"), NeighborFlags.Override, 0);
        table.Learn(new Vni(42), ValueIPAddress.Parse("10.0.0.2"), MacAddress.Parse("02:00:00:00:00:03"), NeighborFlags.Override, 0);
        DaemonStatus status = Sample with { Tunnels = [Sample.Tunnels[0] with { Neighbors = NeighborStatus.From(table, []) with { Answered = 12, Unknown = 3 } }] };
        Assert.Contains(
            """
            TUNNEL  NEIGHBORS  LEARNED  ANSWERED  UNKNOWN  UNFORWARDED  PROBES  ANNOUNCEMENTS  MOVES  REFUSED
            vx42            2        1        12        3            0       0              0      0        1

            """,
            StatusTable.Format(status),
            StringComparison.Ordinal);
        DaemonStatus nothingKnown = Sample with { Tunnels = [Sample.Tunnels[0] with { Neighbors = NeighborStatus.From(new NeighborTable(), []) with { Unknown = 3 } }] };
        Assert.DoesNotContain("NEIGHBORS", StatusTable.Format(nothingKnown), StringComparison.Ordinal);

        JsonElement json = JsonSerializer.SerializeToElement(status, ControlJson.Default.DaemonStatus).GetProperty("tunnels")[0].GetProperty("neighbors");
        Assert.Equal((2, 1, 12, 3, 1), (
            json.GetProperty("entries").GetInt32(), json.GetProperty("learned").GetInt32(), json.GetProperty("answered").GetInt64(),
            json.GetProperty("unknown").GetInt64(), json.GetProperty("refused").GetProperty("protected").GetInt64()));
        Assert.False(JsonSerializer.SerializeToElement(Sample, ControlJson.Default.DaemonStatus).GetProperty("tunnels")[0].TryGetProperty("neighbors", out _));
    }

    [Fact]
    public void The_part_of_each_worker_is_shown_and_the_whole_is_their_sum()
    {
        DirectionStatus[] books =
        [
            new() { RxPackets = 3, RxBytes = 300, TxPackets = 4, TxBytes = 400, Replicated = 2, Originated = 1, Consumed = 1, Drops = Drops((DropReason.NoRemote, 1)) },
            new() { RxPackets = 30, RxBytes = 3000, TxPackets = 25, TxBytes = 2500, Drops = Drops((DropReason.NoRemote, 2), (DropReason.TooBig, 3)) },
        ];
        DirectionStatus sum = DirectionStatus.Sum(books);
        Assert.Equal((33, 3300, 29, 2900), (sum.RxPackets, sum.RxBytes, sum.TxPackets, sum.TxBytes));
        Assert.Equal((2, 1, 1), (sum.Replicated, sum.Originated, sum.Consumed));
        Assert.Equal([KeyValuePair.Create("no-remote", 3L), KeyValuePair.Create("too-big", 3L)], sum.Drops);
        Assert.Empty(DirectionStatus.Sum([new(), new()]).Drops);

        DaemonStatus status = new()
        {
            Ready = true,
            Tunnels =
            [
                new TunnelStatus
                {
                    Name = "a",
                    Kind = "vxlan",
                    Device = new DeviceStatus { Name = "a", Mtu = 1450 },
                    Egress = sum,
                    Ingress = new DirectionStatus(),
                    Workers = [.. books.Select((book, i) => new WorkerStatus { Worker = i, Egress = book, Ingress = new DirectionStatus() })],
                },
            ],
        };
        const string Golden = """

            TUNNEL  WORKER  DIRECTION  RX-PACKETS  RX-BYTES  TX-PACKETS  TX-BYTES  REPLICATED  ORIGINATED  CONSUMED  DROPS
            a       0       egress              3       300           4       400           2           1         1      1
                            ingress             0         0           0         0           0           0         0      0
            a       1       egress             30      3000          25      2500           0           0         0      5
                            ingress             0         0           0         0           0           0         0      0

            """;
        Assert.Contains(Golden, StatusTable.Format(status), StringComparison.Ordinal);
        JsonElement json = JsonSerializer.SerializeToElement(status, ControlJson.Default.DaemonStatus).GetProperty("tunnels")[0].GetProperty("workers")[1];
        Assert.Equal(["worker", "egress", "ingress"], json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(3, json.GetProperty("egress").GetProperty("drops").GetProperty("too-big").GetInt64());
    }

    [Fact]
    public void A_status_without_tunnels_is_one_line() =>
        Assert.Equal("not ready, 0 tunnels\n", StatusTable.Format(new DaemonStatus { Ready = false }));

    [Fact]
    public void A_status_survives_the_way_to_the_client()
    {
        JsonElement sent = JsonSerializer.SerializeToElement(Sample, ControlJson.Default.DaemonStatus);
        DaemonStatus received = sent.Deserialize(ControlJson.Default.DaemonStatus)!;
        Assert.Equal(sent.GetRawText(), JsonSerializer.SerializeToElement(received, ControlJson.Default.DaemonStatus).GetRawText());
    }

    [Fact]
    public void Every_reason_is_shown_by_its_label_and_none_that_did_not_happen()
    {
        for (int reason = 0; reason < DropReasons.Count; reason++)
        {
            long[] counters = new long[DropReasons.Count];
            counters[reason] = 7;
            Assert.Equal([KeyValuePair.Create(DropReasons.Label((DropReason)reason), 7L)], DropCounts.From(counters));
        }

        Assert.Empty(DropCounts.From(new long[DropReasons.Count]));
        Assert.Throws<ArgumentException>(() => DropCounts.From(new long[DropReasons.Count + 1]));
    }

    private static IReadOnlyDictionary<string, long> Drops(params ReadOnlySpan<(DropReason Reason, long Packets)> drops)
    {
        long[] counters = new long[DropReasons.Count];
        foreach ((DropReason reason, long packets) in drops)
        {
            counters[(int)reason] = packets;
        }

        return DropCounts.From(counters);
    }
}
