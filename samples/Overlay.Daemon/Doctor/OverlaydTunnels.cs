using System.Globalization;
using System.Net;
using System.Text.Json;
using Overlay.Daemon.Control;
using Overlay.Daemon.Control.Show;
using Overlay.Daemon.Status;

namespace Overlay.Daemon.Doctor;

/// <summary>What a running overlayd says of its tunnels.</summary>
/// <param name="socket">Its control socket.</param>
/// <param name="cancellation">Ends the waits.</param>
internal sealed class OverlaydTunnels(string socket, CancellationToken cancellation)
{
    private DaemonStatus? _status;

    /// <summary>The tunnel of a device.</summary>
    /// <param name="view">The namespace of the device.</param>
    /// <param name="device">Its name.</param>
    /// <param name="mtu">Its MTU.</param>
    /// <returns>null if it is none of this daemon's.</returns>
    /// <exception cref="ControlException">Nobody answers.</exception>
    public async Task<WalkedTunnel?> FindAsync(NamespaceView view, string device, int mtu)
    {
        TunnelStatus? tunnel = await StatusAsync(device).ConfigureAwait(false);
        if (tunnel is not { Overhead: int overhead, Local: string text } || !ValueIPAddress.TryParse(text, CultureInfo.InvariantCulture, out ValueIPAddress local))
        {
            return null;
        }

        const int Difference = Wire.IPv6Packet.HeaderLength - Wire.IPv4Packet.MinimumHeaderLength;
        return new WalkedTunnel(
            view, device, mtu, $"overlayd {tunnel.Kind}", local, local.IsIPv4 ? overhead : overhead - Difference, local.IsIPv4 ? overhead + Difference : overhead);
    }

    /// <summary>The remotes that packets go to.</summary>
    /// <param name="device">The device of the tunnel.</param>
    /// <param name="target">The inner destination.</param>
    /// <param name="mac">The station that frames go to; null if it is not known.</param>
    /// <exception cref="ControlException">Nobody answers.</exception>
    public async Task<IReadOnlyList<ValueIPAddress>> RemotesAsync(string device, ValueIPAddress target, MacAddress? mac)
    {
        TunnelStatus? tunnel = await StatusAsync(device).ConfigureAwait(false);
        if (tunnel is null)
        {
            return [];
        }

        var arguments = new ShowArguments { Tunnel = tunnel.Name };
        List<RouteShowRow> routes = await RowsAsync("show-routes", arguments, ControlJson.Default.RouteShowRow).ConfigureAwait(false);
        if (routes.Where(row => IPNetwork.Parse(row.Prefix).Contains(target.ToIPAddress())).GroupBy(row => IPNetwork.Parse(row.Prefix).PrefixLength).MaxBy(rows => rows.Key)
            is { } longest)
        {
            return [.. longest.Select(row => row.Remote).Distinct()];
        }

        if (mac is MacAddress station)
        {
            List<FdbShowRow> fdb = await RowsAsync("show-fdb", arguments with { Mac = station.ToString() }, ControlJson.Default.FdbShowRow).ConfigureAwait(false);
            if (fdb.Count > 0)
            {
                return [.. fdb.Select(row => row.Remote).Distinct()];
            }
        }

        List<FloodShowRow> flood = await RowsAsync("show-flood", arguments, ControlJson.Default.FloodShowRow).ConfigureAwait(false);
        return [.. flood.Select(row => row.Remote).OfType<ValueIPAddress>().Distinct()];
    }

    private async Task<TunnelStatus?> StatusAsync(string device)
    {
        if (_status is null)
        {
            JsonElement answer = await ControlClient.RequestAsync(socket, ControlRequest.StatusCommand, ControlClient.DefaultDeadline, cancellation).ConfigureAwait(false);
            _status = Read(() => answer.Deserialize(ControlJson.Default.DaemonStatus));
        }

        return _status.Tunnels.FirstOrDefault(tunnel => tunnel.Device.Name == device);
    }

    private async Task<List<T>> RowsAsync<T>(string command, ShowArguments arguments, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> shape)
        where T : struct
    {
        List<T> rows = [];
        ControlRequest request = ControlClient.Request(command, arguments, ControlJson.Default.ShowArguments);
        await foreach (JsonElement part in ControlClient.StreamAsync(socket, [request], ControlClient.PatientDeadline, cancellation).ConfigureAwait(false))
        {
            if (part.ValueKind == JsonValueKind.Array)
            {
                rows.AddRange(part.EnumerateArray().Select(row => Read(() => row.Deserialize<T>(shape))));
            }
        }

        return rows;
    }

    private T Read<T>(Func<T?> read)
    {
        try
        {
            return read() ?? throw new ControlException($"the overlayd on {socket} sent null");
        }
        catch (JsonException e)
        {
            throw new ControlException($"the overlayd on {socket} sent an answer of another shape, perhaps of another version: {e.Message}", e);
        }
    }
}
