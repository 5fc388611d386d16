using Overlay.Daemon.Configuration;
using Overlay.DataPath;

namespace Overlay.Daemon.Control;

/// <summary>
/// The arguments of a request about one tunnel, read by the rules and with the messages of the configuration: what a file may not say, a request may not say
/// either.
/// </summary>
internal sealed class ArgumentReader
{
    private ArgumentReader(ObjectReader keys, TunnelTables tunnel, ConfigErrors errors)
    {
        Keys = keys;
        Errors = errors;
        Tunnel = tunnel;
        Values = new ValueReader(errors);
        Underlay = new UnderlayReader(tunnel.Config.Local, tunnel.Config.Endpoint.Link is not null, Values, errors);
    }

    /// <summary>What the request says.</summary>
    public ObjectReader Keys { get; }

    /// <summary>The tunnel that the request is about.</summary>
    public TunnelTables Tunnel { get; }

    /// <summary>The mistakes so far.</summary>
    public ConfigErrors Errors { get; }

    /// <summary>Reads values.</summary>
    public ValueReader Values { get; }

    /// <summary>Reads remotes.</summary>
    public UnderlayReader Underlay { get; }

    /// <summary>Opens the arguments and finds the tunnel.</summary>
    /// <exception cref="ControlRefusedException">They are no object, or there is no such tunnel.</exception>
    public static ArgumentReader Open(ControlCall call, TunnelCatalog tunnels)
    {
        ConfigErrors errors = new();
        ConfigNode? node = ConfigText.Parse(call.ArgumentText, errors);
        ObjectReader? keys = ObjectReader.Open(node, "the request", errors);
        string? name = keys is null ? null : new ValueReader(errors).Text(keys.Require("tunnel", "the name of a tunnel"), "tunnel", "the name of a tunnel");
        Check(errors);
        return new ArgumentReader(keys!, tunnels.Find(name!), errors);
    }

    /// <summary>Refuses the request if the tunnel has no such table.</summary>
    /// <param name="table">The table, by its key in the configuration.</param>
    /// <param name="layer">What devices it is for.</param>
    /// <exception cref="ControlRefusedException">The tunnel's device is of the other layer.</exception>
    public void RequireLayer(string table, DeviceLayer layer) => RequireLayer(Tunnel, table, layer);

    /// <inheritdoc cref="RequireLayer(string, DeviceLayer)"/>
    public static void RequireLayer(TunnelTables tunnel, string table, DeviceLayer layer)
    {
        if (tunnel.Config.Device.Layer != layer)
        {
            string instead = layer == DeviceLayer.IP ? "\"fdb\" and \"flood\" lead to remotes there" : "\"routes\" lead to remotes there";
            throw new ControlRefusedException($"\"{table}\" is not used with a {tunnel.Config.Device.Type} device, which tunnel {ConfigNode.Quote(tunnel.Name)} has; {instead}");
        }
    }

    /// <summary>The end of the arguments: whatever was not taken is unknown.</summary>
    /// <exception cref="ControlRefusedException">There are mistakes.</exception>
    public void Finish()
    {
        Keys.Finish();
        Check(Errors);
    }

    /// <summary>Refuses a request that has mistakes.</summary>
    /// <param name="errors">The mistakes.</param>
    /// <param name="firstLine">The line in the client's file of the first line that was read; 0 if lines mean nothing to the client.</param>
    /// <exception cref="ControlRefusedException">There are any.</exception>
    public static void Check(ConfigErrors errors, int firstLine = 0)
    {
        const int Shown = 5;
        if (errors.Count == 0)
        {
            return;
        }

        IEnumerable<string> messages = errors.InOrder().Take(Shown).Select(e => firstLine > 0 ? $"line {firstLine + e.Line - 1}: {e.Message}" : e.Message);
        string more = errors.Count > Shown ? $"; and {errors.Count - Shown} more" : "";
        throw new ControlRefusedException(string.Join("; also: ", messages) + more);
    }
}
