using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Overlay.Daemon.Control;
using Overlay.Daemon.Status;
using Xunit;

namespace Overlay.Tests.Daemon;

[System.Text.Json.Serialization.JsonSerializable(typeof(int[]))]
internal sealed partial class IntegerJson : System.Text.Json.Serialization.JsonSerializerContext;

/// <summary>The control socket: server and client, and what a server makes of those who are not our client.</summary>
public sealed class ControlTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _log = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string SocketPath => _directory["run/overlayd.sock"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_request_gets_its_result()
    {
        await using ControlServer server = Start();
        Assert.Equal("""{"echo":"status"}""", (await RequestAsync("status")).GetRawText());
        Assert.Equal("""{"echo":"other"}""", (await RequestAsync("other")).GetRawText());
        Assert.Empty(_log);
    }

    [Fact]
    public async Task The_frames_on_the_socket_are_the_documented_ones()
    {
        await using ControlServer server = Start();
        using Socket client = Connect();
        Assert.Equal("""{"ok":true,"result":{"echo":"status"}}""", Exchange(client, """{"command":"status"}"""));
        Assert.Equal("""{"ok":true,"result":{"echo":"a"}}""", Exchange(client, """{"command":"a","later":[1]}"""));
    }

    [Fact]
    public async Task Missing_directories_are_made_and_only_the_owner_may_connect()
    {
        await using ControlServer server = Start();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
        const UnixFileMode Others = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(_directory["run"]) & Others);
    }

    [Fact]
    public async Task Stopping_removes_the_socket_and_ends_clients()
    {
        ControlServer server = Start();
        using Socket idle = Connect();
        Assert.Equal("""{"ok":true,"result":{"echo":"x"}}""", Exchange(idle, """{"command":"x"}"""));
        await server.DisposeAsync();
        Assert.False(Path.Exists(SocketPath));
        Assert.Equal(0, idle.Receive(new byte[1]));
        ControlException e = await Assert.ThrowsAsync<ControlException>(() => RequestAsync("status"));
        Assert.Equal($"no overlayd answers on {SocketPath}: there is no such socket", e.Message);
    }

    [Fact]
    public async Task A_live_socket_is_not_taken()
    {
        await using ControlServer first = Start();
        IOException e = Assert.Throws<IOException>(() => Start());
        Assert.Equal($"another overlayd answers on {SocketPath}; stop it or give this one another control.socket", e.Message);
        Assert.Equal("""{"echo":"status"}""", (await RequestAsync("status")).GetRawText());
    }

    [Fact]
    public async Task A_socket_that_a_dead_daemon_left_is_replaced()
    {
        LeaveStaleSocket();
        ControlException nobody = await Assert.ThrowsAsync<ControlException>(() => RequestAsync("status"));
        Assert.Equal($"no overlayd answers on {SocketPath}: nobody listens there", nobody.Message);

        await using ControlServer server = Start();
        Assert.Equal("""{"echo":"status"}""", (await RequestAsync("status")).GetRawText());
    }

    [Fact]
    public void Something_that_is_not_a_socket_is_left_alone()
    {
        Directory.CreateDirectory(_directory["run"]);
        File.WriteAllText(SocketPath, "precious");
        IOException e = Assert.Throws<IOException>(() => Start());
        Assert.Equal($"control socket {SocketPath}: something that is not a socket lies there; remove it or choose another path", e.Message);
        Assert.Equal("precious", File.ReadAllText(SocketPath));
    }

    [Fact]
    public void A_directory_that_cannot_be_made_is_named()
    {
        File.WriteAllText(_directory["run"], "in the way");
        IOException e = Assert.ThrowsAny<IOException>(() => Start());
        Assert.Contains(_directory["run"], e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "the request is not JSON of the right shape: ")]
    [InlineData("\u0001\u0002garbage", "the request is not JSON of the right shape: ")]
    [InlineData("[]", "the request is not JSON of the right shape: ")]
    [InlineData("{\"command\":7}", "the request is not JSON of the right shape: ")]
    [InlineData("{}", "the request has no \"command\"; \"status\" is one")]
    [InlineData("null", "the request has no \"command\"; \"status\" is one")]
    public async Task A_malformed_request_gets_an_error_and_the_connection_is_closed(string request, string error)
    {
        await using ControlServer server = Start();
        using Socket client = Connect();
        using JsonDocument answer = JsonDocument.Parse(Exchange(client, request));
        Assert.False(answer.RootElement.GetProperty("ok").GetBoolean());
        Assert.StartsWith(error, answer.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, client.Receive(new byte[1]));
        Assert.Equal("""{"echo":"status"}""", (await RequestAsync("status")).GetRawText());
    }

    [Fact]
    public async Task An_oversize_frame_is_refused_by_its_length_alone()
    {
        await using ControlServer server = Start();
        using Socket client = Connect();
        client.Send([0x7F, 0xFF, 0xFF, 0xFF]);
        Assert.Equal("""{"ok":false,"error":"the frame announces 2147483647 bytes; a request has at most 262144","fault":"refused"}""", Receive(client));
        Assert.Equal(0, client.Receive(new byte[1]));
    }

    [Fact]
    public async Task An_end_within_a_frame_is_answered_and_hurts_nobody()
    {
        await using ControlServer server = Start();
        using Socket client = Connect();
        client.Send([0, 0, 0, 9, (byte)'{']);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal("""{"ok":false,"error":"the connection ended within a frame","fault":"refused"}""", Receive(client));
        Assert.Equal("""{"echo":"status"}""", (await RequestAsync("status")).GetRawText());
    }

    [Fact]
    public async Task A_handler_that_fails_is_an_error_of_that_request_only()
    {
        await using ControlServer server = Start(c => c == "bad" ? throw new InvalidOperationException("no counters") : Echo(c));
        using Socket client = Connect();
        Assert.Equal("""{"ok":false,"error":"bad failed: no counters"}""", Exchange(client, """{"command":"bad"}"""));
        Assert.Equal("""{"ok":true,"result":{"echo":"good"}}""", Exchange(client, """{"command":"good"}"""));
        Assert.Contains("no counters", Assert.Single(_log), StringComparison.Ordinal);
        ControlException e = await Assert.ThrowsAsync<ControlException>(() => RequestAsync("bad"));
        Assert.Equal($"the overlayd on {SocketPath} says: bad failed: no counters", e.Message);
    }

    [Fact]
    public async Task Twenty_clients_at_once_beside_slow_ones()
    {
        // An answer larger than any socket buffer, so that who does not read holds its task until the end of the test.
        string large = new('x', 4 * 1024 * 1024);
        await using ControlServer server = Start(c => c == "large" ? Success(large) : Echo(c));
        using Socket halfFrame = Connect();
        halfFrame.Send([0, 0]);
        using Socket doesNotRead = Connect();
        Send(doesNotRead, """{"command":"large"}""");
        using Socket silent = Connect();

        JsonElement[] results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() => RequestAsync($"c{i}"), Cancellation)));

        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"c{i}"), results.Select(r => r.GetProperty("echo").GetString()));
        Assert.Equal(large, (await RequestAsync("large")).GetString());
    }

    [Fact]
    public async Task Slow_clients_are_closed_and_logged_whatever_they_are_slow_in()
    {
        JsonElement large = JsonSerializer.SerializeToElement(new string('x', 4 * 1024 * 1024));
        await using ControlServer server = ControlServer.Start(
            SocketPath,
            new ControlHandlers(
                TestHandlers.Handler("endless", async call =>
                {
                    while (true)
                    {
                        await call.SendAsync(ControlResponse.Part(large));
                    }
                }),
                TestHandlers.Handler("parts", async call => await call.NextArgumentsAsync(IntegerJson.Default.Int32Array))),
            line =>
            {
                lock (_log)
                {
                    _log.Add(line);
                }
            },
            TimeSpan.FromSeconds(0.2));
        using Socket silent = Connect();
        using Socket halfFrame = Connect();
        halfFrame.Send([0, 0]);
        using Socket doesNotRead = Connect();
        Send(doesNotRead, """{"command":"endless"}""");
        using Socket owesParts = Connect();
        Send(owesParts, """{"command":"parts","more":true}""");
        foreach (Socket client in (Socket[])[silent, halfFrame, owesParts])
        {
            client.ReceiveTimeout = 20_000;
            Assert.Equal(0, client.Receive(new byte[1]));
        }

        while (server.ClientCount > 0)
        {
            await Task.Delay(5, Cancellation);
        }

        Assert.Equal(Enumerable.Repeat("control socket: a client neither sent a request nor took its answer for 0.2 s; closed", 4), _log);
    }

    [Fact]
    public async Task The_65th_client_is_told_to_come_back()
    {
        await using ControlServer server = Start();
        List<Socket> clients = [];
        try
        {
            for (int i = 0; i < ControlServer.MaxClients; i++)
            {
                clients.Add(Connect());
                Exchange(clients[^1], """{"command":"x"}""");
            }

            clients.Add(Connect());
            Assert.Equal("""{"ok":false,"error":"64 clients are connected already; try again"}""", Receive(clients[^1]));
            Assert.Equal("""{"ok":true,"result":{"echo":"y"}}""", Exchange(clients[0], """{"command":"y"}"""));
        }
        finally
        {
            clients.ForEach(c => c.Dispose());
        }
    }

    [Fact]
    public async Task A_daemon_that_does_not_answer_is_given_up_after_the_deadline()
    {
        using Socket mute = Listen();
        long start = Stopwatch.GetTimestamp();
        ControlException e = await Assert.ThrowsAsync<ControlException>(
            () => ControlClient.RequestAsync(SocketPath, "status", TimeSpan.FromSeconds(0.2), Cancellation));
        Assert.Equal($"the overlayd on {SocketPath} did not answer within 0.2 s", e.Message);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.15, 10);
        Assert.Equal(TimeSpan.FromSeconds(2), ControlClient.DefaultDeadline);
    }

    [Theory]
    [InlineData(new byte[] { }, "it closed the connection")]
    [InlineData(new byte[] { 0, 0, 0, 9, 1 }, "it closed the connection within a frame")]
    [InlineData(new byte[] { (byte)'H', (byte)'T', (byte)'T', (byte)'P' }, "it announces a frame of 1213486160 bytes, so it is not overlayd")]
    [InlineData(new byte[] { 0, 0, 0, 1, (byte)'x' }, "what came is not JSON of the right shape: ")]
    public async Task An_answer_that_is_none_is_named(byte[] answer, string reason)
    {
        using Socket listener = Listen();
        Task serving = Task.Run(
            async () =>
            {
                using Socket client = await listener.AcceptAsync(Cancellation);
                // The request first: a socket closed over unread bytes resets the connection.
                await client.ReceiveAsync(new byte[100], Cancellation);
                await client.SendAsync(answer, Cancellation);
            },
            Cancellation);
        ControlException e = await Assert.ThrowsAsync<ControlException>(() => RequestAsync("status"));
        Assert.StartsWith($"no answer on {SocketPath}: {reason}", e.Message, StringComparison.Ordinal);
        await serving;
    }

    [Fact]
    public async Task An_answer_without_result_is_named()
    {
        using Socket listener = Listen();
        Task serving = Task.Run(
            async () =>
            {
                using Socket client = await listener.AcceptAsync(Cancellation);
                await client.ReceiveAsync(new byte[100], Cancellation);
                Send(client, """{"ok":true}""");
            },
            Cancellation);
        ControlException e = await Assert.ThrowsAsync<ControlException>(() => RequestAsync("status"));
        Assert.Equal($"the overlayd on {SocketPath} says: neither a result nor an error", e.Message);
        await serving;
    }

    [Theory]
    [InlineData("""{"command":"old"}""", """{"ok":true,"result":{"echo":"old"}}""")]
    [InlineData("""{"command":"old","protocol":2}""", """{"ok":true,"result":{"echo":"old"}}""")]
    [InlineData("""{"command":"new","protocol":2}""", """{"ok":true,"result":{"echo":"new"}}""")]
    [InlineData("""{"command":"new"}""", """{"ok":false,"error":"new is of version 2 of the control protocol, the client speaks 1; the overlayd of the daemon\u0027s version as a client is right","fault":"protocol"}""")]
    [InlineData("""{"command":"old","protocol":3}""", """{"ok":false,"error":"the client speaks version 3 of the control protocol, this overlayd up to 2; the overlayd of the daemon\u0027s version as a client is right","fault":"protocol"}""")]
    [InlineData("""{"command":"newer","protocol":2}""", """{"ok":false,"error":"unknown command \"newer\"; this overlayd now knows \"old\", \"new\"","fault":"protocol"}""")]
    public async Task Versions_that_do_not_fit_are_named_and_the_connection_stays(string request, string answer)
    {
        await using ControlServer server = Start(new ControlHandlers(
            TestHandlers.Handler("old", call => call.SendAsync(Echo("old"))), TestHandlers.Handler("new", call => call.SendAsync(Echo("new")), ControlProtocol.Current)));
        using Socket client = Connect();
        Assert.Equal(answer, Exchange(client, request));
        Assert.Equal("""{"ok":true,"result":{"echo":"old"}}""", Exchange(client, """{"command":"old"}"""));
        Assert.Empty(_log);
    }

    [Theory]
    [InlineData(0, 0, null)]
    [InlineData(0, 1000, null)]
    [InlineData(1000, 1000, null)]
    [InlineData(1001, 1000, "tables is not for uid 1001: only root and uid 1000, which runs overlayd, may, whatever the mode of the socket")]
    [InlineData(65534, 0, "tables is not for uid 65534: only root may, whatever the mode of the socket")]
    public void Tables_are_for_root_and_the_daemons_user(int peer, int self, string? message)
    {
        IControlHandler tables = TestHandlers.Handler("tables", _ => default, access: ControlAccess.Owner);
        IControlHandler status = new StatusHandler(() => new DaemonStatus { Ready = true });
        ControlPeer other = new(1, (uint)peer);
        ControlRules.CheckAccess(other, new ControlPeer(2, (uint)self), status);
        Exception? e = Record.Exception(() => ControlRules.CheckAccess(other, new ControlPeer(2, (uint)self), tables));
        Assert.Equal((message, message is null ? null : ControlFault.Forbidden), (e?.Message, (e as ControlRefusedException)?.Fault));
    }

    [Fact]
    public async Task The_kernel_says_who_asks()
    {
        ControlPeer peer = default;
        await using ControlServer server = Start(new ControlHandlers(TestHandlers.Handler("who", call =>
        {
            peer = call.Peer;
            return call.SendAsync(Echo("who"));
        })));
        await RequestAsync("who");
        string uid = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[2];
        Assert.Equal((Environment.ProcessId, uid), (peer.ProcessId, peer.UserId.ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task Requests_and_answers_may_have_parts()
    {
        await using ControlServer server = Start(new ControlHandlers(TestHandlers.Handler("sum", SumAsync, ControlProtocol.Current)));
        JsonElement[] parts = [.. Enumerable.Range(1, 4).Select(i => JsonSerializer.SerializeToElement(new int[] { i, i * i }))];
        ControlRequest[] requests = [.. parts.Select((part, i) => new ControlRequest(i == 0 ? "sum" : null) { Protocol = i == 0 ? 2 : null, Arguments = part, More = i < 3 })];
        List<JsonElement> answer = await ControlClient.StreamAsync(SocketPath, requests, TimeSpan.FromSeconds(20), Cancellation).ToListAsync(Cancellation);
        Assert.Equal(["2", "8", "20", "40"], answer.Select(part => part.GetRawText()));
        Assert.Empty(_log);

        static async ValueTask SumAsync(ControlCall call)
        {
            int sum = 0;
            int[]? part = call.Arguments(IntegerJson.Default.Int32Array);
            while (part is not null)
            {
                sum += part.Sum();
                part = await call.NextArgumentsAsync(IntegerJson.Default.Int32Array);
                JsonElement result = JsonSerializer.SerializeToElement(sum);
                await call.SendAsync(part is null ? ControlResponse.Success(result) : ControlResponse.Part(result));
            }
        }
    }

    [Fact]
    public async Task An_answer_before_the_end_of_the_request_ends_the_connection()
    {
        await using ControlServer server = Start(new ControlHandlers(TestHandlers.Handler("early", _ => throw new ControlRefusedException("enough"), ControlProtocol.Current)));
        using Socket client = Connect();
        Assert.Equal("""{"ok":false,"error":"enough","fault":"refused"}""", Exchange(client, """{"command":"early","protocol":2,"more":true}"""));
        Assert.Equal(0, client.Receive(new byte[1]));
    }

    [Fact]
    public async Task A_part_that_is_none_ends_the_request()
    {
        await using ControlServer server = Start(new ControlHandlers(TestHandlers.Handler("parts", async call =>
        {
            while (await call.NextArgumentsAsync(IntegerJson.Default.Int32Array) is not null)
            {
            }

            await call.SendAsync(Echo("parts"));
        })));
        foreach ((string part, string error) in new[]
        {
            ("""{"arguments":[1]}""", ""), ("x", "the request is not JSON of the right shape: "), ("{}", "parts has no \"arguments\""),
            ("""{"arguments":{}}""", "the arguments of parts are not of the right shape: "),
        })
        {
            using Socket client = Connect();
            Send(client, """{"command":"parts","more":true}""");
            using JsonDocument answer = JsonDocument.Parse(Exchange(client, part));
            Assert.Equal(error.Length == 0, answer.RootElement.GetProperty("ok").GetBoolean());
            Assert.StartsWith(error, error.Length == 0 ? "" : answer.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
            Assert.True(error.Length == 0 || client.Receive(new byte[1]) == 0);
        }

        using Socket closing = Connect();
        Send(closing, """{"command":"parts","more":true}""");
        closing.Shutdown(SocketShutdown.Send);
        Assert.Equal("""{"ok":false,"error":"parts was to have more parts, but the connection ended","fault":"refused"}""", Receive(closing));
        Assert.Empty(_log);
    }

    [Fact]
    public async Task A_handler_without_an_answer_is_a_mistake_of_ours()
    {
        await using ControlServer server = Start(new ControlHandlers(TestHandlers.Handler("mute", _ => default)));
        using Socket client = Connect();
        Assert.Equal("""{"ok":false,"error":"mute failed: its handler gave no answer"}""", Exchange(client, """{"command":"mute"}"""));
        Assert.Single(_log);
    }

    [Fact]
    public void Two_handlers_of_one_command_are_a_mistake_of_ours()
    {
        ControlHandlers handlers = new(TestHandlers.Handler("a", _ => default));
        Assert.Throws<ArgumentException>(() => handlers.Add([TestHandlers.Handler("a", _ => default)]));
        handlers.Add([TestHandlers.Handler("b", _ => default)]);
        Assert.Equal("b", handlers.Find("b").Command);
    }

    private static ControlResponse Echo(string command)
    {
        using JsonDocument document = JsonDocument.Parse($$"""{"echo":"{{command}}"}""");
        return ControlResponse.Success(document.RootElement.Clone());
    }

    private static ControlResponse Success(string text)
    {
        using JsonDocument document = JsonDocument.Parse($"\"{text}\"");
        return ControlResponse.Success(document.RootElement.Clone());
    }

    private static string Exchange(Socket client, string request)
    {
        Send(client, request);
        return Receive(client);
    }

    private static void Send(Socket client, string text)
    {
        byte[] payload = Encoding.UTF8.GetBytes(text);
        byte[] frame = new byte[4 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length);
        payload.CopyTo(frame, 4);
        client.Send(frame);
    }

    private static string Receive(Socket client)
    {
        client.ReceiveTimeout = 10_000;
        byte[] header = ReadExactly(client, 4);
        byte[] payload = ReadExactly(client, BinaryPrimitives.ReadInt32BigEndian(header));
        return Encoding.UTF8.GetString(payload).Replace("\\u0022", "\\\"", StringComparison.Ordinal);
    }

    private static byte[] ReadExactly(Socket client, int length)
    {
        byte[] bytes = new byte[length];
        for (int read = 0; read < length;)
        {
            int count = client.Receive(bytes.AsSpan(read));
            Assert.NotEqual(0, count);
            read += count;
        }

        return bytes;
    }

    private ControlServer Start(Func<string, ControlResponse>? handler = null) => Start(TestHandlers.Answering(
        handler ?? Echo, ["status", "other", "a", "x", "y", "good", "bad", "large", .. Enumerable.Range(0, 20).Select(i => $"c{i}")]));

    private ControlServer Start(ControlHandlers handlers) => ControlServer.Start(SocketPath, handlers, line =>
    {
        lock (_log)
        {
            _log.Add(line);
        }
    });

    private Task<JsonElement> RequestAsync(string command) => ControlClient.RequestAsync(SocketPath, command, TimeSpan.FromSeconds(20), Cancellation);

    private Socket Connect()
    {
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(SocketPath));
        return client;
    }

    private Socket Listen()
    {
        Directory.CreateDirectory(_directory["run"]);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        listener.Listen();
        return listener;
    }

    // The runtime unlinks a socket when it closes it; a name moved away and back stays, as after kill -9.
    private void LeaveStaleSocket()
    {
        using (Listen())
        {
            File.Move(SocketPath, SocketPath + ".kept");
        }

        File.Move(SocketPath + ".kept", SocketPath);
    }
}
