using System.Text.Json;
using Overlay.Daemon.Commands;
using Overlay.Daemon.Control;
using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary><c>overlayd fdb replace</c>, from the file to the table.</summary>
public sealed class FdbReplaceTests : IDisposable
{
    private static readonly Vni Vni = new(42);
    private readonly TemporaryDirectory _directory = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_list_takes_the_place_of_what_was_added_and_of_nothing_else()
    {
        await using TableLab lab = new();
        lab.Tap.Tables.Forwarding.Learn(Vni, MacAddress.Parse("02:00:00:00:01:01"), ValueIPAddress.Parse("192.0.2.2"), lab.Now);
        Assert.Equal(
            "tap: 2 entries, of them 2 new or changed and 0 as before; 0 removed",
            await ReplaceAsync(lab, """
                [ // with comments
                  { "mac": "02:00:00:00:00:05", "remote": "192.0.2.3" },
                  { "mac": "02:00:00:00:00:06", "remote": "192.0.2.4", "port": 99 },
                ] /* and behind */
                """));
        Assert.Equal(
            "tap: 2 entries, of them 1 new or changed and 1 as before; 1 removed",
            await ReplaceAsync(lab, """[ { "mac": "02:00:00:00:00:06", "remote": "192.0.2.4", "port": 99 }, { "mac": "02:00:00:00:01:01", "remote": "192.0.2.5" } ]"""));
        Assert.Equal(
            [
                """{"tunnel":"tap","vni":42,"mac":"02:00:00:00:00:02","remote":"192.0.2.2","port":4789,"origin":"static"}""",
                """{"tunnel":"tap","vni":42,"mac":"02:00:00:00:00:06","remote":"192.0.2.4","port":99,"origin":"external"}""",
                """{"tunnel":"tap","vni":42,"mac":"02:00:00:00:01:01","remote":"192.0.2.5","port":4789,"origin":"external"}""",
            ],
            await lab.ShowAsync("fdb", """{"tunnel":"tap"}"""));
        Assert.False(lab.Tap.Tables.IsKnownRemote(ValueIPAddress.Parse("192.0.2.3")));

        // The same remote with another VNI is another place to go.
        const string OtherVni = """[ { "mac": "02:00:00:00:00:06", "remote": "192.0.2.4", "port": 99, "remoteVni": 7 }, { "mac": "02:00:00:00:01:01", "remote": "192.0.2.5" } ]""";
        Assert.Equal("tap: 2 entries, of them 1 new or changed and 1 as before; 0 removed", await ReplaceAsync(lab, OtherVni));
        Assert.Equal("tap: 2 entries, of them 0 new or changed and 2 as before; 0 removed", await ReplaceAsync(lab, OtherVni));
        Assert.True(lab.Tap.Tables.Forwarding.TryLookup(Vni, MacAddress.Parse("02:00:00:00:00:06"), out FdbEntry entry));
        Assert.Equal((new Vni(7), (ushort)99), (entry.Vni!.Value, entry.Port));
        Assert.Equal("tap: 0 entries, of them 0 new or changed and 0 as before; 2 removed", await ReplaceAsync(lab, "[]"));
        Assert.Single(await lab.ShowAsync("fdb", """{"tunnel":"tap"}"""));
        Assert.Empty(lab.Log);
    }

    [Theory]
    [InlineData("[\n\n{ \"mac\": \"02:00:00:00:00:05\", \"remote\": \"192.0.2.3\" },\n{ \"mac\": \"x\", \"remote\": \"192.0.2.3\" } ]", "line 4: mac is \"x\"; the MAC address of one station, such as 02:00:00:00:00:01, is right")]
    [InlineData("[ { \"mac\": \"02:00:00:00:00:05\",\n\"remote\": \"192.0.2.3\" },\n{ \"mac\": \"02:00:00:00:00:05\", \"remote\": \"192.0.2.4\" } ]", "line 3: 02:00:00:00:00:05 stands on line 1 already; once is right")]
    [InlineData("[ 7 ]", "line 1: an fdb entry is 7; an object is right")]
    [InlineData("[ { \"mac\": \"02:00:00:00:00:05\", \"remote\": \"192.0.2.3\", \"vtep\": 1 } ]", "line 1: unknown key \"vtep\" in an fdb entry; its keys are mac, remote, port, remoteVni")]
    [InlineData("[ { \"mac\": \"02:00:00:00:00:05\" } ]", "line 1: an fdb entry has no \"remote\"; the address of the VTEP that the station lives behind is right")]
    [InlineData("[ { \"mac\": \"02:00:00:00:00:05\", \"remote\": \"192.0.2.3\" },\n{ \"mac\": \"02:00:00:00:00:02\", \"remote\": \"192.0.2.4\" } ]", "line 2: 02:00:00:00:00:02 is configured to live behind 192.0.2.2; what the configuration says is changed in its file")]
    public async Task A_list_with_a_mistake_is_refused_as_a_whole_and_the_line_is_named(string list, string message)
    {
        await using TableLab lab = new();
        await ReplaceAsync(lab, """[ { "mac": "02:00:00:00:00:07", "remote": "192.0.2.7" } ]""");
        string before = lab.Everything();
        ControlException e = await Assert.ThrowsAsync<ControlException>(() => ReplaceAsync(lab, list));
        Assert.Equal((true, $"the overlayd on {lab.Socket} says: {message}"), (e.IsRefusal, e.Message));
        Assert.Equal(before, lab.Everything());
    }

    [Fact]
    public async Task A_long_list_goes_in_parts_and_a_mistake_in_the_last_row_has_its_line()
    {
        const int Rows = 20_000;
        string[] rows = [.. Enumerable.Range(0, Rows).Select(i => $$"""{ "mac": "02:01:00:00:{{i >> 8:x2}}:{{i & 0xFF:x2}}", "remote": "192.0.2.{{2 + (i % 100)}}" }, // {{i}}""")];
        await using TableLab lab = new();
        string file = Write("[\n" + string.Join('\n', rows) + "\n]");
        Assert.InRange(FdbFile.Load(file).ToRequests("tap").Count(), 10, 1_000);
        Assert.Equal($"tap: {Rows} entries, of them {Rows} new or changed and 0 as before; 0 removed", await ReplaceFileAsync(lab, file));
        Assert.Equal(Rows + 1, lab.Tap.Tables.Forwarding.Count);
        Assert.All(Enumerable.Range(0, Rows), i =>
        {
            Assert.True(lab.Tap.Tables.Forwarding.TryLookup(Vni, MacAddress.FromValue(0x0201_0000_0000UL + (ulong)i), out FdbEntry entry));
            Assert.Equal((ValueIPAddress.Parse($"192.0.2.{2 + (i % 100)}"), FdbOrigin.External), (entry.Remote, entry.Origin));
        });

        rows[^1] = rows[^1].Replace("192.0.2", "192.0.2.2", StringComparison.Ordinal);
        string before = lab.Everything();
        ControlException e = await Assert.ThrowsAsync<ControlException>(() => ReplaceAsync(lab, "[\n" + string.Join('\n', rows) + "\n]"));
        Assert.Contains($"says: line {Rows + 1}: remote is \"192.0.2.2.", e.Message, StringComparison.Ordinal);

        // The daemon stops reading at the first mistake; that answer is read nevertheless.
        rows[0] = rows[0].Replace("\"mac\"", "\"cam\"", StringComparison.Ordinal);
        e = await Assert.ThrowsAsync<ControlException>(() => ReplaceAsync(lab, "[\n" + string.Join('\n', rows) + "\n]"));
        Assert.StartsWith($"the overlayd on {lab.Socket} says: line 2: ", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, lab.Everything());
        Assert.Empty(lab.Log);
    }

    [Fact]
    public async Task A_list_that_ends_early_changes_nothing_and_the_next_one_is_taken()
    {
        await using TableLab lab = new();
        string before = lab.Everything();
        using var document = JsonDocument.Parse("""{"tunnel":"tap","rows":"[{\"mac\":\"02:00:00:00:00:05\",\"remote\":\"192.0.2.3\"}]","line":1}""");
        ControlRequest first = new("fdb-replace") { Protocol = ControlProtocol.Current, Arguments = document.RootElement, More = true };
        await using (IAsyncEnumerator<JsonElement> answer = ControlClient.StreamAsync(lab.Socket, [first], TimeSpan.FromSeconds(0.3), Cancellation).GetAsyncEnumerator(Cancellation))
        {
            ControlException e = await Assert.ThrowsAsync<ControlException>(async () => await answer.MoveNextAsync());
            Assert.Equal($"the overlayd on {lab.Socket} did not answer within 0.3 s", e.Message);
        }

        // The client is gone; until the daemon has noticed, it may still be busy with it.
        while (true)
        {
            try
            {
                Assert.Equal("tap: 0 entries, of them 0 new or changed and 0 as before; 0 removed", await ReplaceAsync(lab, "[]"));
                break;
            }
            catch (ControlException e) when (e.Message.Contains("another list is being received", StringComparison.Ordinal))
            {
                Assert.False(e.IsRefusal);
                await Task.Delay(10, Cancellation);
            }
        }

        Assert.Equal(before, lab.Everything());
    }

    [Theory]
    [InlineData("{}", ":1: a list of fdb entries is right: [ { \"mac\": \"02:00:00:00:00:02\", \"remote\": \"192.0.2.2\" } ]")]
    [InlineData("[ {}\n{} ]", ":2: not JSON at column 1: ")]
    [InlineData("[", ":1: not JSON at column 2: ")]
    [InlineData("", ":1: not JSON at column 1: ")]
    [InlineData("[] x", ":1: not JSON at column 4: ")]
    public void A_file_that_is_no_list_is_named(string text, string message)
    {
        string file = Write(text);
        FormatException e = Assert.Throws<FormatException>(() => FdbFile.Load(file));
        Assert.StartsWith(file + message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_there_or_not_text_or_has_an_endless_entry_is_named()
    {
        FormatException e = Assert.Throws<FormatException>(() => FdbFile.Load(_directory["none"]));
        Assert.Equal($"{_directory["none"]}: there is no such file; the path of a list of fdb entries is right", e.Message);
        e = Assert.Throws<FormatException>(() => FdbFile.Load(_directory.Path));
        Assert.StartsWith($"{_directory.Path}: cannot be read: ", e.Message, StringComparison.Ordinal);
        File.WriteAllBytes(_directory["bytes"], [(byte)'[', 0xFF, (byte)']']);
        e = Assert.Throws<FormatException>(() => FdbFile.Load(_directory["bytes"]));
        Assert.Equal($"{_directory["bytes"]}: not text: some byte is not UTF-8; UTF-8 is right", e.Message);
        string file = Write("[\n\"" + new string('x', 100_000) + "\" ]");
        e = Assert.Throws<FormatException>(() => FdbFile.Load(file));
        Assert.Equal($"{file}:2: an entry of 100002 bytes; it has at most a few hundred", e.Message);
    }

    private async Task<string> ReplaceAsync(TableLab lab, string list) => await ReplaceFileAsync(lab, Write(list));

    private static async Task<string> ReplaceFileAsync(TableLab lab, string file)
    {
        List<JsonElement> answer = await ControlClient.StreamAsync(lab.Socket, FdbFile.Load(file).ToRequests("tap"), TimeSpan.FromSeconds(30), Cancellation).ToListAsync(Cancellation);
        return Assert.Single(answer).GetProperty("text").GetString()!;
    }

    private string Write(string text)
    {
        string file = _directory["list.json"];
        File.WriteAllText(file, text);
        return file;
    }
}
