using System.Text;
using System.Text.Json;
using Overlay.Daemon.Configuration;
using Overlay.Daemon.Control;
using Overlay.Daemon.DataPlane;
using Overlay.Daemon.Status;
using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>
/// A control socket over tables without tunnels: what a running daemon has, but devices and packets. <c>tap</c> and <c>tun</c> are VXLAN, <c>gre</c> is gretap, <c>group</c> VXLAN that floods to a group, within limits.
/// </summary>
internal sealed class TableLab : IAsyncDisposable, IKernelRoutes
{
    private const string Configuration = """
        { "tunnels": [
          { "name": "tap", "kind": "vxlan", "vni": 42, "local": "192.0.2.1", "device": { "type": "tap", "mac": "02:00:00:00:00:01" }, "flood": [ "192.0.2.2" ],
            "fdb": [ { "mac": "02:00:00:00:00:02", "remote": "192.0.2.2" } ], "neighbors": [ { "ip": "10.0.0.2", "mac": "02:00:00:00:00:02" } ] },
          { "name": "tun", "kind": "vxlan", "vni": 7, "local": "192.0.2.1", "port": 8472, "device": { "type": "tun", "mac": "02:00:00:00:00:11" },
            "routes": [ { "prefix": "10.1.0.0/16", "remote": "192.0.2.2", "mac": "02:00:00:00:00:12" } ] },
          { "name": "gre", "kind": "gretap", "local": "192.0.2.1", "device": { "type": "tap" } },
          { "name": "group", "kind": "vxlan", "vni": 8, "local": "192.0.2.1", "port": 8473, "device": { "type": "tap", "mac": "02:00:00:00:00:21" }, "flood": [ "239.1.1.1" ],
            "fdb": [ { "mac": "02:00:00:00:00:22", "remote": "192.0.2.2", "port": 99, "remoteVni": 9 } ],
            "policy": { "remotes": [ "192.0.2.0/24" ], "floodLimit": {
              "broadcast": { "packetsPerSecond": 1000, "burst": 50 }, "unknownUnicast": { "packetsPerSecond": 20 }, "multicast": { "packetsPerSecond": 5, "burst": 7 } } } } ] }
        """;

    private readonly TemporaryDirectory _directory = new();
    private readonly TableRequests _requests = new(TimeSpan.FromSeconds(20));
    private readonly Thread _writer;
    private readonly ControlServer _server;
    private readonly List<string> _log = [];
    private volatile bool _stopped;

    public TableLab(params IEnumerable<IControlHandler> more)
    {
        DaemonConfig config = ConfigSamples.Parse(Configuration);
        Tunnels = [.. config.Tunnels.Select(tunnel => new TunnelTables(tunnel, Fill(tunnel), tunnel.Device.Mac ?? default, () => (Egress, Ingress)) { GroupLink = tunnel.Group is null ? null : "eth0" })];
        TunnelCatalog catalog = new(Tunnels);
        ControlHandlers handlers = new([.. TableHandlers.Showing(catalog, () => Now), .. TableHandlers.Changing(catalog, new Door(_requests), this, () => Now), .. more]);
        _server = ControlServer.Start(Socket, handlers, line =>
        {
            lock (_log)
            {
                _log.Add(line);
            }
        });
        _writer = new Thread(Write) { IsBackground = true };
        _writer.Start();
    }

    public IReadOnlyList<TunnelTables> Tunnels { get; }

    public TunnelTables Tap => Tunnels[0];

    public TunnelTables Tun => Tunnels[1];

    public long Now { get; set; } = 1_000_000;

    /// <summary>Clients that are connected.</summary>
    public int Clients => _server.ClientCount;

    public string Socket => _directory["s"];

    public DirectionStatus Egress { get; set; } = new();

    public DirectionStatus Ingress { get; set; } = new();

    /// <summary>The routes that the kernel would have.</summary>
    public List<string> KernelRoutes { get; } = [];

    /// <summary>What the kernel answers to the next change; null lets it pass.</summary>
    public IOException? KernelRefusal { get; set; }

    /// <summary>What the daemon logged.</summary>
    public string[] Log
    {
        get
        {
            lock (_log)
            {
                return [.. _log];
            }
        }
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>All frames of an answer.</summary>
    public async Task<List<JsonElement>> AskAsync(string command, string arguments)
    {
        using var document = JsonDocument.Parse(arguments);
        ControlRequest request = new(command) { Protocol = ControlProtocol.Current, Arguments = document.RootElement.Clone() };
        return await ControlClient.StreamAsync(Socket, [request], TimeSpan.FromSeconds(30), Cancellation).ToListAsync(Cancellation);
    }

    /// <summary>The text of a change that is made.</summary>
    public async Task<string> ChangeAsync(string command, string arguments) => Assert.Single(await AskAsync(command, arguments)).GetProperty("text").GetString()!;

    /// <summary>Why a request is refused.</summary>
    public async Task<string> RefusalAsync(string command, string arguments)
    {
        string before = Everything();
        ControlException e = await Assert.ThrowsAsync<ControlException>(() => AskAsync(command, arguments));
        Assert.True(e.IsRefusal, e.Message);
        Assert.Equal(before, Everything());
        string prefix = $"the overlayd on {Socket} says: ";
        Assert.StartsWith(prefix, e.Message, StringComparison.Ordinal);
        return e.Message[prefix.Length..];
    }

    /// <summary>The rows of a table.</summary>
    public async Task<string[]> ShowAsync(string table, string arguments = "{}")
    {
        List<JsonElement> parts = await AskAsync($"show-{table}", arguments);
        return [.. parts.SkipLast(1).SelectMany(part => part.EnumerateArray()).Select(row => row.GetRawText())];
    }

    /// <summary>All tables in one text.</summary>
    public string Everything()
    {
        StringBuilder text = new();
        foreach (TunnelTables tunnel in Tunnels)
        {
            text.AppendJoin('\n', tunnel.Tables.Forwarding.Snapshot(Now).Select(row => $"{row}").Order(StringComparer.Ordinal));
            text.AppendJoin('\n', tunnel.Tables.Neighbors.Snapshot(0).Select(row => $"{row}").Order(StringComparer.Ordinal));
            text.AppendJoin('\n', tunnel.Tables.Routes.Snapshot());
            text.AppendJoin('\n', tunnel.Tables.Flood.Snapshot());
        }

        return text.AppendJoin('\n', KernelRoutes).ToString();
    }

    void IKernelRoutes.Set(string tunnel, ValueIPAddress prefix, int length, IReadOnlyList<RouteMember> members)
    {
        Refuse();
        KernelRoutes.Remove($"{prefix}/{length} dev {tunnel}");
        KernelRoutes.Add($"{prefix}/{length} dev {tunnel}");
    }

    void IKernelRoutes.Remove(string tunnel, ValueIPAddress prefix, int length)
    {
        Refuse();
        KernelRoutes.Remove($"{prefix}/{length} dev {tunnel}");
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _stopped = true;
        _requests.Close();
        _writer.Join();
        _directory.Dispose();
    }

    private static OverlayTables Fill(TunnelConfig config)
    {
        OverlayTables tables = new();
        ConfiguredTables.Fill(tables, config);
        return tables;
    }

    private void Refuse()
    {
        if (KernelRefusal is { } refusal)
        {
            KernelRefusal = null;
            throw refusal;
        }
    }

    private void Write()
    {
        while (!_stopped)
        {
            lock (_requests.Gate)
            {
                if (!_requests.Any && !_stopped)
                {
                    Monitor.Wait(_requests.Gate, 10);
                }
            }

            _requests.Serve();
        }
    }

    private sealed class Door(TableRequests requests) : ITableDoor
    {
        public Task<T> ChangeAsync<T>(Func<T> change) => requests.RunAsync(change);
    }
}
