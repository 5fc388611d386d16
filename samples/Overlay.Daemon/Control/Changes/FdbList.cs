using System.Text;
using Overlay.Daemon.Configuration;
using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Daemon.Control.Changes;

/// <summary>A list of forwarding entries that comes in parts and is applied as a whole.</summary>
internal sealed class FdbList
{
    private readonly TunnelTables _tunnel;
    private readonly Dictionary<MacAddress, (FdbEntry Entry, int Line)> _rows = [];

    /// <summary>Begins an empty list.</summary>
    /// <exception cref="ControlRefusedException">The tunnel has no such table.</exception>
    public FdbList(TunnelTables tunnel)
    {
        _tunnel = tunnel;
        ArgumentReader.RequireLayer(tunnel, "fdb", DeviceLayer.Ethernet);
    }

    /// <summary>Reads a part.</summary>
    /// <param name="text">A list of rows as JSON with comments.</param>
    /// <param name="line">The line of the client's file that it begins with; 0 if there is none.</param>
    /// <exception cref="ControlRefusedException">There is a mistake in it.</exception>
    public void Add(string text, int line)
    {
        ConfigErrors errors = new();
        ValueReader values = new(errors);
        UnderlayReader underlay = new(_tunnel.Config.Local, _tunnel.Config.Endpoint.Link is not null, values, errors);
        foreach (ConfigNode item in values.List(ConfigText.Parse(Encoding.UTF8.GetBytes(text), errors), "the list of fdb entries"))
        {
            if (ObjectReader.Open(item, "an fdb entry", errors) is not ObjectReader keys)
            {
                continue;
            }

            FdbRow? row = FdbRow.Read(keys, _tunnel, values, underlay);
            keys.Finish();
            int itemLine = line + item.Line - 1;
            if (row is not (MacAddress mac, FdbEntry entry))
            {
                continue;
            }

            if (!_rows.TryAdd(mac, (entry, itemLine)))
            {
                errors.Add(item.Line, $"{mac} stands on line {_rows[mac].Line} already; once is right");
            }
            else if (_rows.Count > ForwardingTable.MaxEntriesLimit)
            {
                errors.Add(item.Line, $"the list has more than {ForwardingTable.MaxEntriesLimit} entries; that is what a table holds");
                break;
            }
        }

        ArgumentReader.Check(errors, line);
    }

    /// <summary>Makes the entries of the list those of the table that are external, at one moment. On the writer's thread.</summary>
    /// <exception cref="ControlRefusedException">The list names a configured station; nothing was changed.</exception>
    public ChangeResult Apply()
    {
        Vni vni = _tunnel.Config.Vni;
        OverlayTables tables = _tunnel.Tables;
        foreach (FdbConfig configured in _tunnel.Config.Fdb)
        {
            if (_rows.TryGetValue(configured.Mac, out (FdbEntry Entry, int Line) row))
            {
                throw new ControlRefusedException(
                    $"line {row.Line}: {configured.Mac} is configured to live behind {configured.Remote.Address}; what the configuration says is changed in its file");
            }
        }

        int changed = _rows.Count(row => !tables.Forwarding.TryLookup(vni, row.Key, out FdbEntry before) || before != row.Value.Entry);
        ForwardingReplacement done = tables.ReplaceForwarding(
            FdbOrigin.External,
            _rows.Select(row => KeyValuePair.Create(new ForwardingKey(vni, row.Key), new FdbRemote(row.Value.Entry.Remote, row.Value.Entry.Port) { Vni = row.Value.Entry.Vni })));
        return new ChangeResult(
            changed + done.Removed,
            $"{_tunnel.Name}: {_rows.Count} entries, of them {changed} new or changed and {_rows.Count - changed} as before; {done.Removed} removed");
    }
}
