using System.Net.Sockets;
using Overlay.Daemon.Control;
using Overlay.Encapsulation;
using Overlay.Linux;

namespace Overlay.Daemon.Doctor;

/// <summary>
/// The walk of <c>doctor mtu</c>: from a sender by veths, bridges and routes to a tunnel's device, from there by the underlay's route to the remote, and what
/// is behind the last device of this host is measured. On the way each MTU is held against the longest packet that comes there.
/// </summary>
/// <param name="hosts">The namespaces.</param>
/// <param name="overlayd">The daemon to ask about TUN and TAP devices.</param>
/// <param name="target">Who is to be reached.</param>
internal sealed class MtuWalk(HostNamespaces hosts, OverlaydTunnels overlayd, ValueIPAddress target)
{
    private const int MaxHops = 40;
    private const int MaxTunnels = 4;
    private const int MaxRemotes = 4;

    private readonly List<MtuHop> _hops = [];
    private readonly List<DoctorFinding> _findings = [];
    private readonly List<string> _undecided = [];

    // Ethernet, with jumbo frames of the usual sizes, and what clouds have: a sum that is one of them speaks for the tunnel, and against the link.
    private static readonly int[] UsualLinks = [1500, 8500, 8896, 9000, 9001, 9216];

    private enum End
    {
        /// <summary>The target, or the remote, is on this host.</summary>
        Here,

        /// <summary>The way leaves this host, or what can be seen of it.</summary>
        Network,

        /// <summary>The tunnels on the way were walked to their ends.</summary>
        Tunnel,

        /// <summary>It could not be followed.</summary>
        Unknown,
    }

    /// <summary>The way.</summary>
    public IReadOnlyList<MtuHop> Hops => _hops;

    /// <summary>What is wrong.</summary>
    public IReadOnlyList<DoctorFinding> Findings => _findings;

    /// <summary>What is not known.</summary>
    public IReadOnlyList<string> Undecided => _undecided;

    /// <summary>Walks from a namespace, or from where an interface hands packets over.</summary>
    /// <param name="view">The namespace.</param>
    /// <param name="from">The interface that packets come in by; null where the namespace sends them itself.</param>
    public async Task WalkAsync(NamespaceView view, LinkInfo? from)
    {
        // Neighbours and stations are known only once they were asked for.
        MeasureFrom(view, null, target, length: 0);
        int length = 0;
        End end;
        if (from is null)
        {
            (end, length) = await RouteAsync(view, target, 0, 0).ConfigureAwait(false);
        }
        else
        {
            length = Device(view, from, from.Mtu, 0);
            end = await ArriveAsync(view, from, view, from.Index, target, length).ConfigureAwait(false);
        }

        if (end == End.Network)
        {
            Judge(view, null, target, length, Measure(view, null, target, length, 0));
        }
        else if (end is (End.Tunnel or End.Here) && from is null && length > 0 && _findings.Count == 0)
        {
            // All of this side fits; the other side has devices, too.
            JudgeWhole(view, length);
        }
    }

    // A packet of this layer is routed by a namespace. The length comes back as the sender's, where this is the sender.
    private async Task<(End End, int Length)> RouteAsync(NamespaceView view, ValueIPAddress destination, int length, int layer, int arrivedBy = 0)
    {
        RouteInfo route;
        LinkInfo link;
        try
        {
            route = view.Netlink.GetRoute(destination);
            if (route.Kind == RouteKind.Local)
            {
                return (End.Here, length);
            }

            if (route.InterfaceIndex == arrivedBy)
            {
                // It would go back to where it came from: nobody here has the address, and whoever has it is elsewhere on that link.
                return (End.Network, length);
            }

            link = view.Netlink.GetLink(route.InterfaceIndex);
        }
        catch (LinuxException e)
        {
            return (Unknown($"{view.Place($"the route to {destination}")}: {e.Message}"), length);
        }

        bool isSender = length == 0;
        // What ICMP has taught the sender is of no account: it may be forged, and the measuring itself teaches it.
        int own = route.RouteMtu > 0 && !route.IsMtuLearned ? Math.Min(route.RouteMtu, link.Mtu) : link.Mtu;
        length = Route(view, route, link, destination, isSender ? own : length, layer);
        int sent = length;
        length = Device(view, link, length, layer);
        return (await BeyondAsync(view, link, route.Gateway ?? destination, length, layer, view, link.Index).ConfigureAwait(false), sent);
    }

    // Behind a device: what it hands packets to.
    private async Task<End> BeyondAsync(NamespaceView view, LinkInfo link, ValueIPAddress nextHop, int length, int layer, NamespaceView sender, int senderLink)
    {
        if (_hops.Count > MaxHops)
        {
            return Unknown($"the way has more than {MaxHops} hops: it seems to run in a circle");
        }

        if (!link.IsUp)
        {
            return Unknown($"{view.Place(link.Name)} is down");
        }

        if (link.Tunnel is TunnelLinkInfo tunnel)
        {
            return await KernelTunnelAsync(view, link, tunnel, nextHop, sender.FindMac(senderLink, nextHop), layer).ConfigureAwait(false);
        }

        switch (link.Kind)
        {
            case "veth" when layer == 0:
                return await VethAsync(view, link, nextHop, length, sender, senderLink).ConfigureAwait(false);
            case "bridge":
                return await BridgeAsync(view, link, nextHop, length, layer, sender, senderLink).ConfigureAwait(false);
            case "tun":
                return await OverlaydAsync(view, link, nextHop, sender.FindMac(senderLink, nextHop), layer).ConfigureAwait(false);
            case "vlan" or "macvlan" or "ipvlan" when Below(view, link) is (NamespaceView below, LinkInfo lower):
                return await BeyondAsync(below, lower, nextHop, Device(below, lower, length, layer), layer, sender, senderLink).ConfigureAwait(false);
            case "wireguard":
                return Unknown($"{view.Place(link.Name)} is WireGuard, which takes 60 bytes over IPv4, 80 over IPv6 and up to 15 of padding; who its peers are is not asked");
            default:
                return End.Network;
        }
    }

    private async Task<End> VethAsync(NamespaceView view, LinkInfo link, ValueIPAddress nextHop, int length, NamespaceView sender, int senderLink)
    {
        if (Below(view, link) is not (NamespaceView other, LinkInfo peer))
        {
            // As seen from within a container: what is behind is measured.
            _hops[^1] = _hops[^1] with { Note = "the other end is in a namespace that cannot be seen" };
            return End.Network;
        }

        return await ArriveAsync(other, peer, sender, senderLink, nextHop, Device(other, peer, length, 0)).ConfigureAwait(false);
    }

    // A frame has come in by a device.
    private async Task<End> ArriveAsync(NamespaceView view, LinkInfo link, NamespaceView sender, int senderLink, ValueIPAddress nextHop, int length)
    {
        if (link.MasterIndex != 0 && view.Netlink.GetLink(link.MasterIndex) is { Kind: not "vrf" } master)
        {
            if (master.Kind != "bridge")
            {
                return Unknown($"{view.Place(link.Name)} is a port of {master.Name}, a {master.Kind}, which is not looked into");
            }

            length = Device(view, master, length, 0);
            return view.IsLocal(nextHop)
                ? (await RouteAsync(view, target, length, 0, master.Index).ConfigureAwait(false)).End
                : await BridgeAsync(view, master, nextHop, length, 0, sender, senderLink).ConfigureAwait(false);
        }

        return (await RouteAsync(view, target, length, 0, link.Index).ConfigureAwait(false)).End;
    }

    // From a bridge to the port that a station is behind.
    private async Task<End> BridgeAsync(NamespaceView view, LinkInfo bridge, ValueIPAddress nextHop, int length, int layer, NamespaceView sender, int senderLink)
    {
        LinkInfo[] ports = [.. view.Netlink.GetLinks().Where(link => link.MasterIndex == bridge.Index)];
        LinkInfo? port = null;
        if (sender.FindMac(senderLink, nextHop) is MacAddress mac)
        {
            NeighborInfo entry = view.Netlink.GetForwarding(bridge.Index).FirstOrDefault(entry => entry.Mac == mac && entry.Address is null);
            port = ports.FirstOrDefault(link => link.Index == entry.InterfaceIndex);
        }

        // A station not heard of is flooded to; a tunnel that is alone among the ports is where a far one can be.
        LinkInfo[] tunnels = [.. ports.Where(link => link.Tunnel is not null || link.Kind == "tun")];
        port ??= tunnels.Length == 1 ? tunnels[0] : ports.Length == 1 ? ports[0] : null;
        if (port is null)
        {
            return Unknown($"behind which port of {view.Place(bridge.Name)} {nextHop} is, the bridge does not know: has it been heard from?");
        }

        return await BeyondAsync(view, port, nextHop, Device(view, port, length, layer), layer, sender, senderLink).ConfigureAwait(false);
    }

    private async Task<End> KernelTunnelAsync(NamespaceView view, LinkInfo link, TunnelLinkInfo info, ValueIPAddress nextHop, MacAddress? mac, int layer)
    {
        if (info.IsExternal)
        {
            return Unknown($"{view.Place(link.Name)} is external: a program says for each packet where it goes");
        }

        NeighborInfo[] entries = info.Kind is TunnelKind.Vxlan or TunnelKind.VxlanGpe ? [.. view.Netlink.GetForwarding(link.Index).Where(entry => entry.Address is not null)] : [];
        NeighborInfo[] chosen = [.. entries.Where(entry => entry.Mac == mac)];
        chosen = chosen.Length > 0 ? chosen : [.. entries.Where(entry => entry.Mac.IsZero)];
        // A device of IP tunnels without a remote sends to the gateway of the route (NBMA).
        ValueIPAddress? other = info.Remote ?? (entries.Length == 0 && info.Kind is (TunnelKind.IPInIP or TunnelKind.Gre or TunnelKind.Fou or TunnelKind.Gue) ? nextHop : (ValueIPAddress?)null);
        ValueIPAddress[] remotes = chosen.Length > 0 ? [.. chosen.Select(entry => entry.Address!.Value).Distinct()] : other is ValueIPAddress one ? [one] : [];
        NamespaceView? underlay = link.LowerNamespaceId is int id ? hosts.Find(view, id) : view;
        if (underlay is null)
        {
            return Unknown($"the packets of {view.Place(link.Name)} leave from a namespace that cannot be found");
        }

        var tunnel = new WalkedTunnel(
            view, link.Name, link.Mtu, link.Kind!, info.Local, info.Overhead(AddressFamily.InterNetwork), info.Overhead(AddressFamily.InterNetworkV6));
        return await RemotesAsync(underlay, tunnel, remotes, layer).ConfigureAwait(false);
    }

    private async Task<End> OverlaydAsync(NamespaceView view, LinkInfo link, ValueIPAddress nextHop, MacAddress? mac, int layer)
    {
        try
        {
            if (await overlayd.FindAsync(view, link.Name, link.Mtu).ConfigureAwait(false) is not WalkedTunnel tunnel)
            {
                return Unknown($"{view.Place(link.Name)} is a TUN or TAP device of another program than the overlayd that answers");
            }

            IReadOnlyList<ValueIPAddress> remotes = await overlayd.RemotesAsync(link.Name, layer == 0 ? target : nextHop, mac).ConfigureAwait(false);
            return await RemotesAsync(view, tunnel, remotes, layer).ConfigureAwait(false);
        }
        catch (ControlException e)
        {
            return Unknown($"{view.Place(link.Name)} is a TUN or TAP device, and whose it is nobody says: {e.Message}");
        }
    }

    private async Task<End> RemotesAsync(NamespaceView underlay, WalkedTunnel tunnel, IReadOnlyList<ValueIPAddress> remotes, int layer)
    {
        if (layer == MaxTunnels)
        {
            return Unknown($"{tunnel.Place} is the tunnel around {layer} others: it seems that a tunnel runs through itself");
        }

        if (remotes.Count == 0)
        {
            return Unknown($"which remote {tunnel.Place} sends to, it does not say");
        }

        End end = End.Tunnel;
        foreach (ValueIPAddress remote in remotes.Take(MaxRemotes))
        {
            int i = _hops.FindLastIndex(hop => hop.Name == tunnel.Device && hop.Namespace == tunnel.View.Name);
            _hops[i] = _hops[i] with { Overhead = tunnel.Overhead(remote), Overhead4 = tunnel.Overhead4, Overhead6 = tunnel.Overhead6, Note = $"{tunnel.Kind} to {remote}" };
            End one = await UnderlayAsync(underlay, tunnel, remote, layer + 1).ConfigureAwait(false);
            end = one == End.Unknown ? one : end;
        }

        return remotes.Count > MaxRemotes ? Unknown($"{tunnel.Place} has {remotes.Count} remotes, of which {MaxRemotes} were looked at") : end;
    }

    // The outer packets of a tunnel, to one remote.
    private async Task<End> UnderlayAsync(NamespaceView view, WalkedTunnel tunnel, ValueIPAddress remote, int layer)
    {
        if (remote.IsMulticast)
        {
            return Unknown($"{tunnel.Place} sends to the group {remote}, whose members are not asked");
        }

        RouteInfo route;
        LinkInfo link;
        try
        {
            route = view.Netlink.GetRoute(remote, tunnel.Local is ValueIPAddress local && local.IsIPv4 == remote.IsIPv4 ? local : (ValueIPAddress?)null);
            link = view.Netlink.GetLink(route.InterfaceIndex);
        }
        catch (LinuxException e)
        {
            return Unknown($"{view.Place($"the route to {remote}")}: {e.Message}");
        }

        if (route.Kind != RouteKind.Unicast)
        {
            return Unknown($"{remote} is no remote but {route.Kind} {view.Place("an address")}");
        }

        int needs = tunnel.Needs(remote);
        int room = Math.Min(link.Mtu, route.RouteMtu > 0 && !route.IsMtuLearned ? route.RouteMtu : link.Mtu);
        int before = _findings.Count;
        if (room < needs)
        {
            Explain(view, tunnel, remote, route, link, room);
        }

        AddRoute(view, route, remote, needs, layer);
        _hops.Add(Hop(view, link, needs, layer));
        int length = Math.Min(room, needs);
        End end = await BeyondAsync(view, link, route.Gateway ?? remote, length, layer, view, link.Index).ConfigureAwait(false);
        if (end == End.Network)
        {
            Judge(view, tunnel, remote, length, Measure(view, tunnel.Local, remote, length, layer));
            end = End.Tunnel;
        }

        return _findings.Count > before ? End.Unknown : end;
    }

    // The first inequality between a tunnel and its underlay: which of both is to blame?
    private void Explain(NamespaceView view, WalkedTunnel tunnel, ValueIPAddress remote, RouteInfo route, LinkInfo link, int room)
    {
        int needs = tunnel.Needs(remote);
        int overhead = tunnel.Overhead(remote);
        string sends = $"{tunnel.Place} has {tunnel.Mtu} and adds {overhead} ({tunnel.Kind} over {(remote.IsIPv4 ? "IPv4" : "IPv6")})";
        string shrink = tunnel.Shrink(remote, room);
        if (!remote.IsIPv4 && tunnel.Mtu + tunnel.Overhead4 <= room)
        {
            _findings.Add(new DoctorFinding(
                FindingIds.OverheadFamily, tunnel.Place, $"mtu {tunnel.Mtu}, room for the headers of IPv4 ({tunnel.Overhead4} bytes) below {room}",
                $"at most {room - overhead}: the remote {remote} is reached over IPv6, which takes {overhead}", shrink));
        }
        else if (route.RouteMtu > 0 && !route.IsMtuLearned && route.RouteMtu < needs && needs <= link.Mtu)
        {
            _findings.Add(new DoctorFinding(
                FindingIds.MtuHop, view.Place($"route to {remote}"), $"mtu {route.RouteMtu} on the route, {link.Mtu} on its device {link.Name}", $"at least {needs}: {sends}",
                $"take the mtu off the route ({view.Command} route replace …), or {shrink}"));
        }
        else if (UsualLinks.Contains(needs))
        {
            _findings.Add(new DoctorFinding(
                FindingIds.MtuHop, view.Place(link.Name), $"mtu {link.Mtu}", $"at least {needs}: {sends}",
                $"{view.Command} link set {link.Name} mtu {needs} if the network carries that, else {shrink}"));
        }
        else
        {
            _findings.Add(new DoctorFinding(
                FindingIds.MtuHop, tunnel.Place, $"mtu {tunnel.Mtu}", $"at most {room - overhead}: it adds {overhead}, and {view.Place(link.Name)} takes {room}", shrink));
        }
    }

    // What a route says, and the length that is left of a packet that takes it.
    private int Route(NamespaceView view, RouteInfo route, LinkInfo link, ValueIPAddress destination, int length, int layer)
    {
        AddRoute(view, route, destination, length, layer);
        if (route.RouteMtu == 0 || route.IsMtuLearned)
        {
            return length;
        }

        if (route.RouteMtu > link.Mtu)
        {
            _findings.Add(new DoctorFinding(
                FindingIds.MtuHop, view.Place($"route to {destination}"), $"mtu {route.RouteMtu}", $"at most {link.Mtu}, the mtu of its device {link.Name}",
                $"take the mtu off the route ({view.Command} route replace …), or {view.Command} link set {link.Name} mtu {route.RouteMtu}"));
        }
        else if (route.RouteMtu < length)
        {
            _findings.Add(new DoctorFinding(
                FindingIds.MtuHop, view.Place($"route to {destination}"), $"mtu {route.RouteMtu}", $"at least {length}, which {Sender()} sends",
                $"take the mtu off the route ({view.Command} route replace …), or give the sender an mtu of {route.RouteMtu}"));
            return route.RouteMtu;
        }

        return Math.Min(length, link.Mtu);
    }

    private int Device(NamespaceView view, LinkInfo link, int length, int layer)
    {
        string sender = Sender();
        _hops.Add(Hop(view, link, length, layer));
        if (link.Mtu >= length)
        {
            return length;
        }

        string effect = link.Kind == "bridge" ? "; a bridge routes no longer packets than that, and hands them over between ports that take them" : "";
        _findings.Add(new DoctorFinding(
            FindingIds.MtuHop, view.Place(link.Name), $"mtu {link.Mtu}", $"at least {length}, which {sender} sends{effect}",
            $"{view.Command} link set {link.Name} mtu {length}, or no more than {link.Mtu} at the sender"));
        return link.Mtu;
    }

    // Whoever came before on the way.
    private string Sender() => _hops.LastOrDefault(hop => hop.Kind is not ("route" or "path")) is MtuHop hop
        ? (hop.Namespace == hosts.Here.Name ? hop.Name : $"{hop.Name} in {hop.Namespace}")
        : "the sender";

    private void AddRoute(NamespaceView view, RouteInfo route, ValueIPAddress destination, int needs, int layer)
    {
        if (route.RouteMtu > 0)
        {
            _hops.Add(new MtuHop
            {
                Layer = layer,
                Namespace = view.Name,
                Kind = "route",
                Name = $"to {destination}",
                Mtu = route.RouteMtu,
                Needs = needs,
                Note = route.IsMtuLearned ? "learned from ICMP, expires" : null,
            });
        }
    }

    private static MtuHop Hop(NamespaceView view, LinkInfo link, int needs, int layer) => new()
    {
        Layer = layer,
        Namespace = view.Name,
        Kind = link.Kind ?? "link",
        Name = link.Name,
        Mtu = link.Mtu,
        Needs = needs,
    };

    private PathMeasurement Measure(NamespaceView view, ValueIPAddress? source, ValueIPAddress remote, int length, int layer)
    {
        PathMeasurement path = MeasureFrom(view, source, remote, length);
        _hops.Add(new MtuHop
        {
            Layer = layer,
            Namespace = view.Name,
            Kind = "path",
            Name = $"to {remote}",
            Mtu = path.Mtu,
            Needs = length,
            Note = path.Answer switch
            {
                PathAnswer.Fits => "measured",
                PathAnswer.Reported => $"measured, reported by {path.Reporter?.ToString() ?? "this host"}",
                PathAnswer.Silent => "measured, what is longer vanishes",
                _ => "no answer",
            },
        });
        return path;
    }

    private static PathMeasurement MeasureFrom(NamespaceView view, ValueIPAddress? source, ValueIPAddress remote, int length)
    {
        ValueIPAddress? from = source is ValueIPAddress address && address.IsIPv4 == remote.IsIPv4 ? address : (ValueIPAddress?)null;
        using EchoProber prober = view.Namespace.Run(() => EchoProber.Open(remote, from));
        return PathMeasurement.Of(prober.MinimumLength, Math.Max(length, prober.MinimumLength), prober.Probe);
    }

    // The path to a remote, or to the target where there is no tunnel.
    private void Judge(NamespaceView view, WalkedTunnel? tunnel, ValueIPAddress remote, int length, PathMeasurement path)
    {
        string shrink = tunnel is null ? $"give the sender an mtu of {path.Mtu}" : tunnel.Shrink(remote, path.Mtu);
        string sends = tunnel is null ? $"{view.Place("the sender")} sends {length}" : $"{tunnel.Place} has {tunnel.Mtu} and adds {tunnel.Overhead(remote)}";
        switch (path.Answer)
        {
            case PathAnswer.Reported when tunnel is not null:
                _findings.Add(new DoctorFinding(
                    FindingIds.MtuHop, $"path to {remote}, {(path.Reporter is ValueIPAddress reporter ? $"behind {reporter}" : view.Place("on this host"))}",
                    $"mtu {path.Mtu}, as {path.Reporter?.ToString() ?? "this host"} says", $"at least {length}: {sends}", $"{shrink}, or a link that takes {length} there"));
                break;
            case PathAnswer.Silent:
                _findings.Add(new DoctorFinding(
                    FindingIds.PtbFiltered, $"path to {remote}",
                    $"packets of {path.Mtu} bytes arrive, longer ones vanish without a word ({(remote.IsIPv4 ? "ICMP fragmentation needed" : "ICMPv6 packet too big")} is lost or not sent)",
                    $"at least {length}: {sends}; and a router that drops a packet as too big says so (RFC 1191 §4, RFC 8201 §3)",
                    $"let {(remote.IsIPv4 ? "ICMP type 3 code 4" : "ICMPv6 type 2")} through on the way back; until then {shrink}"));
                break;
            case PathAnswer.Unanswered:
                _undecided.Add($"{remote} does not answer echo requests from {view.Name}, so that the path to it was not measured");
                break;
            default:
                // It fits; or nobody depends on it, since the sender itself hears what fits.
                break;
        }
    }

    // From the sender to the target, through tunnels that are right on this side.
    private void JudgeWhole(NamespaceView view, int length)
    {
        PathMeasurement path = Measure(view, null, target, length, 0);
        switch (path.Answer)
        {
            case PathAnswer.Reported:
                _findings.Add(new DoctorFinding(
                    FindingIds.MtuHop, $"path to {target}, {(path.Reporter is ValueIPAddress reporter ? $"behind {reporter}" : view.Place("on this host"))}",
                    $"mtu {path.Mtu}, as {path.Reporter?.ToString() ?? "this host"} says", $"at least {length}, which {view.Place("the sender")} sends; all devices on this side take it",
                    $"look at the devices behind the remote, or give the sender an mtu of {path.Mtu}"));
                break;
            case PathAnswer.Silent:
                _findings.Add(new DoctorFinding(
                    FindingIds.PtbFiltered, $"path to {target}, behind the tunnel",
                    $"packets of {path.Mtu} bytes arrive, longer ones vanish without a word", $"at least {length}, which {view.Place("the sender")} sends; all devices on this side take it",
                    $"look at the devices behind the remote, run this doctor there, or give the sender an mtu of {path.Mtu}"));
                break;
            case PathAnswer.Unanswered:
                _undecided.Add($"{target} does not answer echo requests from {view.Name}, so that the whole way was not measured");
                break;
            default:
                break;
        }
    }

    private (NamespaceView View, LinkInfo Link)? Below(NamespaceView view, LinkInfo link)
    {
        NamespaceView? other = link.LowerNamespaceId is int id ? hosts.Find(view, id) : view;
        return other is null || link.LowerIndex == 0 ? null : (other, other.Netlink.GetLink(link.LowerIndex));
    }

    private End Unknown(string reason)
    {
        _undecided.Add(reason);
        return End.Unknown;
    }
}
