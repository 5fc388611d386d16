using Overlay.Tables;

namespace Overlay.Daemon.Configuration;

/// <summary>Where a forwarding entry leads, as a file and a request say it: <c>remote</c>, <c>port</c> and <c>remoteVni</c>.</summary>
internal static class FdbTargetReader
{
    /// <summary>Reads the keys; others of the entry stay for the caller.</summary>
    /// <param name="entry">The keys of the entry.</param>
    /// <param name="kind">The kind of the tunnel; null if that is a mistake, and then nothing is refused.</param>
    /// <param name="underlay">The rules for remotes.</param>
    /// <param name="values">Reads the values.</param>
    /// <returns>null if there is no remote, which was added as a mistake.</returns>
    public static FdbRemote? Read(ObjectReader entry, TunnelFacts? kind, UnderlayReader underlay, ValueReader values)
    {
        ValueIPAddress? remote = underlay.Remote(entry.Require("remote", "the address of the VTEP that the station lives behind"), "remote");
        int? port = Integer("port", kind is not { IsOverUdp: false }, 1, ushort.MaxValue);
        int? vni = Integer("remoteVni", kind is not { HasVni: false }, 0, (int)Vni.MaxValue);
        return remote is ValueIPAddress vtep ? new FdbRemote(vtep, (ushort)(port ?? 0)) { Vni = vni is int other ? new Vni((uint)other) : null } : null;

        int? Integer(string key, bool isUsed, int minimum, int maximum)
        {
            if (isUsed)
            {
                return values.Integer(entry.Take(key), key, minimum, maximum);
            }

            entry.Refuse(key, $"by {kind!.WithArticle()} tunnel");
            return null;
        }
    }
}
