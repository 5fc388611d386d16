using System.Globalization;
using System.Text.Json;
using Overlay.Daemon.Commands;
using Overlay.Daemon.Control.Show;
using Overlay.Daemon.Status;
using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>Commands that show tables: the rows as JSON and as text, filters, limits, and tables that do not fit a frame.</summary>
public sealed class TableShowTests
{
    private static readonly Vni Vni = new(42);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Forwarding_entries_are_sorted_and_say_where_they_come_from()
    {
        await using TableLab lab = new();
        lab.Tap.Tables.Forwarding.Learn(Vni, MacAddress.Parse("02:00:00:00:01:01"), ValueIPAddress.Parse("192.0.2.2"), lab.Now - 7_900);
        await lab.ChangeAsync("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3","port":99}""");
        await lab.ChangeAsync("fdb-add", """{"tunnel":"gre","mac":"02:00:00:00:00:05","remote":"192.0.2.3"}""");
        Assert.Equal(
            """
            [
              {"tunnel":"tap","vni":42,"mac":"02:00:00:00:00:02","remote":"192.0.2.2","port":4789,"origin":"static"},
              {"tunnel":"tap","vni":42,"mac":"02:00:00:00:00:05","remote":"192.0.2.3","port":99,"origin":"external"},
              {"tunnel":"tap","vni":42,"mac":"02:00:00:00:01:01","remote":"192.0.2.2","port":4789,"origin":"learned","idleSeconds":7},
              {"tunnel":"gre","mac":"02:00:00:00:00:05","remote":"192.0.2.3","origin":"external"},
              {"tunnel":"group","vni":8,"mac":"02:00:00:00:00:22","remote":"192.0.2.2","port":99,"remoteVni":9,"origin":"static"}
            ]

            """,
            await RunAsync(lab, ShowTable.Fdb, new ShowArguments(), json: true));
        Assert.Equal(
            """
            TUNNEL  VNI  MAC                REMOTE           PORT  ORIGIN    IDLE
            tap      42  02:00:00:00:00:02  192.0.2.2        4789  static       -
            tap      42  02:00:00:00:00:05  192.0.2.3          99  external     -
            tap      42  02:00:00:00:01:01  192.0.2.2        4789  learned     7s
            gre       -  02:00:00:00:00:05  192.0.2.3           -  external     -
            group     8  02:00:00:00:00:22  192.0.2.2 vni 9    99  static       -

            """,
            await RunAsync(lab, ShowTable.Fdb, new ShowArguments(), json: false));
    }

    [Theory]
    [InlineData("""{"tunnel":"gre"}""", 1)]
    [InlineData("""{"tunnel":"tun"}""", 0)]
    [InlineData("""{"vni":42}""", 3)]
    [InlineData("""{"vni":0}""", 0)]
    [InlineData("""{"vni":7}""", 0)]
    [InlineData("""{"mac":"02:00:00:00:00:05"}""", 2)]
    [InlineData("""{"remote":"192.0.2.3"}""", 2)]
    [InlineData("""{"remote":"192.0.2.3","vni":42}""", 1)]
    [InlineData("""{"remote":"192.0.2.2","mac":"02:00:00:00:00:05"}""", 0)]
    [InlineData("""{"limit":3}""", 3)]
    [InlineData("""{"limit":5}""", 5)]
    public async Task Filters_are_the_daemons(string arguments, int rows)
    {
        await using TableLab lab = new();
        lab.Tap.Tables.Forwarding.Learn(Vni, MacAddress.Parse("02:00:00:00:01:01"), ValueIPAddress.Parse("192.0.2.2"), lab.Now);
        await lab.ChangeAsync("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3"}""");
        await lab.ChangeAsync("fdb-add", """{"tunnel":"gre","mac":"02:00:00:00:00:05","remote":"192.0.2.3"}""");
        List<JsonElement> parts = await lab.AskAsync("show-fdb", arguments);
        Assert.Equal(rows, parts.SkipLast(1).Sum(part => part.GetArrayLength()));
        Assert.Equal($$"""{"rows":{{rows}},"cut":{{(arguments.Contains("limit\":3", StringComparison.Ordinal) ? "true" : "false")}}}""", parts[^1].GetRawText());
    }

    [Fact]
    public async Task A_table_without_rows_is_an_empty_list_or_a_heading()
    {
        await using TableLab lab = new();
        Assert.Equal("[]\n", await RunAsync(lab, ShowTable.Fdb, new ShowArguments { Tunnel = "tun" }, json: true));
        Assert.Equal("TUNNEL  VNI  MAC  REMOTE  PORT  ORIGIN  IDLE\n", await RunAsync(lab, ShowTable.Fdb, new ShowArguments { Tunnel = "tun" }, json: false));
    }

    [Fact]
    public async Task The_limit_is_said_if_it_kept_rows_back()
    {
        await using TableLab lab = new();
        await lab.ChangeAsync("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3"}""");
        StringWriter error = new();
        Assert.Equal(0, await ShowCommand.RunAsync(lab.Socket, ShowTable.Fdb, new ShowArguments { Limit = 1 }, false, new StringWriter(), error, Cancellation));
        Assert.Equal("overlayd: these are 1 rows; there are more (--limit)\n", error.ToString());
    }

    [Fact]
    public async Task A_hundred_thousand_rows_come_in_small_frames_and_each_once()
    {
        const int Rows = 100_000;
        await using TableLab lab = new();
        for (int i = 0; i < Rows; i++)
        {
            lab.Tap.Tables.Apply(OverlayUpdate.SetForwarding(
                Vni, MacAddress.FromValue(0x0201_0000_0000UL + (ulong)i), new FdbEntry(ValueIPAddress.FromIPv4(0x0A000001u + ((uint)i % 1_000)), 0, FdbOrigin.External)));
        }

        List<JsonElement> parts = await lab.AskAsync("show-fdb", """{"tunnel":"tap"}""");
        Assert.All(parts, part => Assert.InRange(part.GetRawText().Length, 1, 64 * 1024));
        Assert.InRange(parts.Count, 100, 1_000);
        HashSet<string> seen = [.. parts.SkipLast(1).SelectMany(part => part.EnumerateArray()).Select(row => row.GetProperty("mac").GetString()!)];
        Assert.Equal((Rows + 1, Rows + 1L), (seen.Count, parts[^1].GetProperty("rows").GetInt64()));

        string text = await RunAsync(lab, ShowTable.Fdb, new ShowArguments { Tunnel = "tap" }, json: false);
        Assert.Equal(Rows + 2, text.Count(c => c == '\n'));
        using var json = JsonDocument.Parse(await RunAsync(lab, ShowTable.Fdb, new ShowArguments { Tunnel = "tap" }, json: true));
        Assert.Equal(Rows + 1, json.RootElement.GetArrayLength());
    }

    [Fact]
    public async Task Networks_have_their_counters()
    {
        await using TableLab lab = new()
        {
            Egress = new DirectionStatus { RxPackets = 5, RxBytes = 500, TxPackets = 4, TxBytes = 400, Drops = DropCounts.From([0, 1]) },
            Ingress = new DirectionStatus { RxPackets = 3, RxBytes = 300, TxPackets = 3, TxBytes = 300 },
        };
        lab.Tap.Tables.Forwarding.Learn(Vni, MacAddress.Parse("02:00:00:00:01:01"), ValueIPAddress.Parse("192.0.2.2"), lab.Now);
        lab.Tap.Tables.Forwarding.Learn(Vni, MacAddress.Parse("02:00:00:00:01:01"), ValueIPAddress.Parse("192.0.2.3"), lab.Now);
        lab.Tap.Tables.Forwarding.Learn(Vni, MacAddress.Parse("02:00:00:00:00:02"), ValueIPAddress.Parse("192.0.2.3"), lab.Now);
        Assert.Equal(
            """
            TUNNEL  KIND    VNI  ENTRIES  LEARNED  NEIGHBORS  ROUTES  FLOOD  OUT-PACKETS  OUT-BYTES  OUT-DROPS  IN-PACKETS  IN-BYTES  IN-DROPS  MOVES  REFUSED
            tap     vxlan    42        2        1          1       0      1            4        400          1           3       300         0      1        1
            tun     vxlan     7        0        0          0       1      0            4        400          1           3       300         0      0        0
            gre     gretap    -        0        0          0       0      0            4        400          1           3       300         0      0        0
            group   vxlan     8        1        0          0       0      1            4        400          1           3       300         0      0        0

            """,
            await RunAsync(lab, ShowTable.Vnis, new ShowArguments(), json: false));
        using var json = JsonDocument.Parse(await RunAsync(lab, ShowTable.Vnis, new ShowArguments { Vni = 42 }, json: true));
        JsonElement row = Assert.Single(json.RootElement.EnumerateArray());
        Assert.Equal((42, 2, 1), (row.GetProperty("vni").GetInt32(), row.GetProperty("entries").GetInt32(), row.GetProperty("learned").GetInt32()));
        Assert.Equal("""{"truncated":1}""", row.GetProperty("egress").GetProperty("drops").GetRawText());
        Assert.Equal(1, row.GetProperty("refusedProtected").GetInt32());
    }

    [Fact]
    public async Task Flooding_shows_remotes_groups_and_limits_with_what_they_kept_back()
    {
        await using TableLab lab = new()
        {
            Egress = new DirectionStatus { RxPackets = 12, Drops = new Dictionary<string, long> { ["broadcast-limit"] = 12, ["multicast-limit"] = 3, ["truncated"] = 1 } },
        };
        await lab.ChangeAsync("flood-add", """{"tunnel":"tap","remote":"192.0.2.9"}""");
        Assert.Equal(
            """
            [
              {"tunnel":"tap","vni":42,"remote":"192.0.2.2","origin":"static"},
              {"tunnel":"tap","vni":42,"remote":"192.0.2.9","origin":"external"},
              {"tunnel":"group","vni":8,"remote":"239.1.1.1","groupLink":"eth0","origin":"static"},
              {"tunnel":"group","vni":8,"limit":"broadcast","packetsPerSecond":1000,"burst":50,"dropped":12,"origin":"static"},
              {"tunnel":"group","vni":8,"limit":"unknown-unicast","packetsPerSecond":20,"burst":2,"dropped":0,"origin":"static"},
              {"tunnel":"group","vni":8,"limit":"multicast","packetsPerSecond":5,"burst":7,"dropped":3,"origin":"static"}
            ]

            """,
            await RunAsync(lab, ShowTable.Flood, new ShowArguments(), json: true));
        Assert.Equal(
            """
            TUNNEL  VNI  REMOTE             ORIGIN    LIMIT            PACKETS/S  BURST  DROPPED
            tap      42  192.0.2.2          static    -                        -      -        -
            tap      42  192.0.2.9          external  -                        -      -        -
            group     8  239.1.1.1 on eth0  static    -                        -      -        -
            group     8  -                  static    broadcast             1000     50       12
            group     8  -                  static    unknown-unicast         20      2        0
            group     8  -                  static    multicast                5      7        3

            """,
            await RunAsync(lab, ShowTable.Flood, new ShowArguments(), json: false));

        // Who asks for a remote wants no limits.
        Assert.Equal("""{"tunnel":"group","vni":8,"remote":"239.1.1.1","groupLink":"eth0","origin":"static"}""", Assert.Single(await lab.ShowAsync("flood", """{"remote":"239.1.1.1"}""")));
    }

    [Fact]
    public async Task A_client_whose_reader_is_slow_does_not_hold_the_daemon()
    {
        await using TableLab lab = new();
        for (int i = 0; i < 50_000; i++)
        {
            lab.Tap.Tables.Apply(OverlayUpdate.SetForwarding(
                Vni, MacAddress.FromValue(0x0201_0000_0000UL + (ulong)i), new FdbEntry(ValueIPAddress.Parse("192.0.2.3"), 0, FdbOrigin.External)));
        }

        using SlowWriter output = new();
        Task<int> showing = Task.Run(() => ShowCommand.RunAsync(lab.Socket, ShowTable.Fdb, new ShowArguments { Tunnel = "tap" }, true, output, new StringWriter(), Cancellation), Cancellation);
        Assert.True(output.Blocked.Wait(TimeSpan.FromSeconds(20), Cancellation));
        while (lab.Clients > 0)
        {
            await Task.Delay(5, Cancellation);
        }

        // The daemon is done with it, and the reader has not taken its first row yet.
        output.Go.Set();
        Assert.Equal(0, await showing);
        Assert.Equal(50_001 + 2, output.Lines);
    }

    [Fact]
    public void A_later_row_that_needs_more_room_makes_its_column_wider()
    {
        StreamedTable table = new([new("A"), new("N", IsNumber: true)]);
        for (int i = 0; i < 1_000; i++)
        {
            table.Add(["x", i.ToString(CultureInfo.InvariantCulture)]);
        }

        Assert.StartsWith("A    N\nx    0\n", table.Take(), StringComparison.Ordinal);
        table.Add(["x", "5"]);
        table.Add(["longer", "123456"]);
        table.Add(["x", "6"]);
        Assert.Equal("x    5\nlonger  123456\nx            6\n", table.Finish());
    }

    private static async Task<string> RunAsync(TableLab lab, ShowTable table, ShowArguments arguments, bool json)
    {
        StringWriter output = new();
        StringWriter error = new();
        int exitCode = await ShowCommand.RunAsync(lab.Socket, table, arguments, json, output, error, Cancellation);
        Assert.Equal((0, ""), (exitCode, error.ToString()));
        return output.ToString();
    }

    private sealed class SlowWriter : StringWriter
    {
        public ManualResetEventSlim Blocked { get; } = new();

        public ManualResetEventSlim Go { get; } = new();

        public int Lines => ToString().Count(c => c == '\n');

        public override async Task WriteAsync(System.Text.StringBuilder? value, CancellationToken cancellationToken = default)
        {
            Blocked.Set();
            Go.Wait(TimeSpan.FromSeconds(20), cancellationToken);
            await base.WriteAsync(value, cancellationToken);
        }

        protected override void Dispose(bool disposing)
        {
            Blocked.Dispose();
            Go.Dispose();
            base.Dispose(disposing);
        }
    }
}
