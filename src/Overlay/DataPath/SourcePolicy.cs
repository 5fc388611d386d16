using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// Where the packets of a tunnel may come from: who may send to it, and what may stand as source in what they send. Each policy is off, counts or enforces.
/// A packet is entered once under each policy that it breaks, up to the one that drops it.
/// </summary>
internal sealed class SourcePolicy
{
    private readonly OverlayTables _tables;
    private readonly DirectionCounters _books;
    private readonly RemotePolicy _remotes;
    private readonly ValueIPAddress _local;
    private readonly Vni _vni;
    private readonly bool _isEthernet;
    private readonly SourceCheck _remoteCheck;
    private readonly SourceCheck _martianRemotes;
    private readonly SourceCheck _martianSources;
    private readonly SourceCheck _innerSources;

    public SourcePolicy(TunnelOptions options, OverlayTables tables, DirectionCounters books)
    {
        TunnelPolicy policy = options.Policy;
        _tables = tables;
        _books = books;
        _remotes = policy.Remotes;
        _local = options.Local;
        _vni = options.Vni;
        _isEthernet = options.Layer == DeviceLayer.Ethernet;
        _remoteCheck = policy.RemoteCheck;
        _martianRemotes = policy.MartianRemotes;
        _martianSources = policy.MartianSources ?? (_isEthernet ? SourceCheck.Off : SourceCheck.Count);
        _innerSources = policy.InnerSourceCheck;
        LooksInside = _martianSources != SourceCheck.Off || _innerSources != SourceCheck.Off;
        CountsEach = LooksInside || _remoteCheck == SourceCheck.Count || _martianRemotes == SourceCheck.Count;
    }

    /// <summary>Whether the sources of inner packets are looked at.</summary>
    public bool LooksInside { get; }

    /// <summary>Whether a packet may be one to be entered though nothing drops it: then each must be looked at by itself.</summary>
    public bool CountsEach { get; }

    /// <summary>Whether the policy of remotes lets an address in, whatever becomes of those that it does not.</summary>
    public bool Permits(ValueIPAddress remote) => _remotes.KnownOnly ? _tables.IsKnownRemote(remote) : _remotes.Contains(remote);

    /// <summary>Whether a packet may come from an underlay address that is not known, or where it need not be.</summary>
    public DropReason JudgeRemote(ValueIPAddress remote, PacketBatch batch, int index)
    {
        if (_martianRemotes != SourceCheck.Off && IsMartianRemote(remote) && Refuses(_martianRemotes, DropReason.MartianRemote, batch, index))
        {
            return DropReason.MartianRemote;
        }

        return _remoteCheck != SourceCheck.Off && !Permits(remote) && Refuses(_remoteCheck, DropReason.UnknownRemote, batch, index)
            ? DropReason.UnknownRemote
            : DropReason.None;
    }

    /// <summary>Whether a frame may come from where it says, behind the remote that sent it. To be asked if <see cref="LooksInside"/> only.</summary>
    public DropReason JudgeFrame(in EthernetFrame frame, in InnerIP inner, PacketBatch batch, int index)
    {
        if (inner.IsPresent && _martianSources != SourceCheck.Off && IsMartianSource(inner) && Refuses(_martianSources, DropReason.MartianSource, batch, index))
        {
            return DropReason.MartianSource;
        }

        return _innerSources != SourceCheck.Off && IsForeign(frame, inner, batch.Meta(index).Remote) &&
            Refuses(_innerSources, DropReason.ForeignSource, batch, index)
            ? DropReason.ForeignSource
            : DropReason.None;
    }

    /// <summary>Whether an IP packet may come from where it says, behind the remote that sent it. To be asked if <see cref="LooksInside"/> only.</summary>
    public DropReason JudgePacket(in InnerIP inner, PacketBatch batch, int index)
    {
        if (_martianSources != SourceCheck.Off && IsMartianSource(inner) && Refuses(_martianSources, DropReason.MartianSource, batch, index))
        {
            return DropReason.MartianSource;
        }

        return _innerSources != SourceCheck.Off && IsForeign(inner.Source, batch.Meta(index).Remote) &&
            Refuses(_innerSources, DropReason.ForeignSource, batch, index)
            ? DropReason.ForeignSource
            : DropReason.None;
    }

    // What somebody has configured as a remote is none: an underlay may well live on 127.0.0.0/8, or in class E.
    private bool IsMartianRemote(ValueIPAddress remote) =>
        (Martians.Contains(remote) || remote == _local || remote.IsIPv4 != _local.IsIPv4) && !_tables.IsKnownRemote(remote);

    private bool IsMartianSource(in InnerIP inner)
    {
        ValueIPAddress source = inner.Source;
        if (source.IsIPv4 != inner.IsIPv4 || source == _local)
        {
            return true;
        }

        // On a link, who has no address yet asks from the unspecified one: DHCP, duplicate address detection. No router passes that on.
        return Martians.Contains(source) && !(_isEthernet && source.IsUnspecified);
    }

    private bool IsForeign(in EthernetFrame frame, in InnerIP inner, ValueIPAddress remote)
    {
        MacAddress mac = frame.Source;
        if (IsForeign(mac, remote))
        {
            return true;
        }

        ValueIPAddress source;
        if (inner.IsPresent)
        {
            source = inner.Source;
        }
        else
        {
            if (frame.EtherType != EtherType.Arp || !ArpPacket.TryParse(frame.Payload, out ArpPacket arp))
            {
                return false;
            }

            // What neighbours believe of an ARP packet is what stands in it, not who sent it.
            if (arp.SenderMac != mac && IsForeign(arp.SenderMac, remote))
            {
                return true;
            }

            source = arp.SenderAddress;
        }

        return _tables.Neighbors.TryLookup(_vni, source, out MacAddress owner) && owner != mac && IsForeign(owner, remote);
    }

    // What was learned is what somebody claimed: it proves nothing against another.
    private bool IsForeign(MacAddress mac, ValueIPAddress remote) =>
        _tables.Forwarding.TryLookup(_vni, mac, out FdbEntry entry) && entry.Origin != FdbOrigin.Learned && entry.Remote != remote;

    private bool IsForeign(ValueIPAddress source, ValueIPAddress remote) => _tables.Routes.TryFindTarget(source, out RouteTarget target) && !target.Has(remote);

    private bool Refuses(SourceCheck check, DropReason reason, PacketBatch batch, int index)
    {
        if (check == SourceCheck.Count)
        {
            _books.Tolerate(batch.SegmentCount(index), reason);
        }

        return check == SourceCheck.Enforce;
    }
}
