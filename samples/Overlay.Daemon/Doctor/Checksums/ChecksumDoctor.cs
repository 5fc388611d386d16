using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Overlay.Daemon.Doctor.Underlay;
using Overlay.Linux;
using Overlay.Wire;

namespace Overlay.Daemon.Doctor.Checksums;

/// <summary>
/// <c>overlayd doctor checksum</c>: looks at the packets of a peer's tunnel as they come in, and says whether their checksums were finished. A receiver
/// drops the others in silence, so that ping works and TCP does not.
/// </summary>
internal static class ChecksumDoctor
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>Listens, and judges.</summary>
    /// <exception cref="LinuxException">A right is missing, or there is no such interface.</exception>
    public static DoctorReport Examine(ChecksumTarget target, CancellationToken cancellation)
    {
        int index = 0;
        if (target.Link is not null)
        {
            using var netlink = RouteNetlink.Open();
            index = netlink.GetLink(target.Link).Index;
        }

        (TunnelKind, ushort)[] tunnels =
        [
            .. target.Ports.Append(VxlanPacket.DefaultPort).Append(VxlanPacket.LegacyPort).Distinct().Select(port => (TunnelKind.Vxlan, port)),
            (TunnelKind.VxlanGpe, VxlanGpePacket.DefaultPort), (TunnelKind.Geneve, GenevePacket.DefaultPort), (TunnelKind.Gue, GuePacket.DefaultPort),
            (TunnelKind.Gretap, 0), (TunnelKind.Gre, 0), (TunnelKind.IPInIP, 0),
        ];
        using var tap = PacketTap.Open(target.Peer.AddressFamily, index);
        ChecksumDetails details = new() { Link = target.Link ?? "", Seconds = target.Time.TotalSeconds };
        long begin = Stopwatch.GetTimestamp();
        while (details.Packets < target.Count && Stopwatch.GetElapsedTime(begin) < target.Time && !cancellation.IsCancellationRequested)
        {
            if (tap.TryReceive(Look, out ReadOnlySpan<byte> packet, out bool isUnfinished) &&
                OuterView.TryParse(packet, out OuterView view) && view.Source == target.Peer &&
                PacketChecksums.TryRead(packet, tunnels, out PacketChecksums checksums))
            {
                Count(details, checksums, isUnfinished, view.Protocol == IPProtocol.Udp);
            }
        }

        return Report(target, details with { Seconds = Math.Round(Stopwatch.GetElapsedTime(begin).TotalSeconds, 1) });
    }

    private static void Count(ChecksumDetails details, PacketChecksums checksums, bool isUnfinished, bool isUdp)
    {
        details.Packets++;
        if (isUnfinished)
        {
            details.Unfinished++;
            return;
        }

        details.OuterWrong += checksums.Outer is ChecksumState.Wrong or ChecksumState.Partial ? 1 : 0;
        details.OuterAbsent += isUdp && checksums.Outer == ChecksumState.None ? 1 : 0;
        details.InnerHeaderWrong += checksums.InnerIP == ChecksumState.Wrong ? 1 : 0;
        details.InnerRight += checksums.Inner == ChecksumState.Right ? 1 : 0;
        details.InnerPartial += checksums.Inner == ChecksumState.Partial ? 1 : 0;
        details.InnerWrong += checksums.Inner == ChecksumState.Wrong ? 1 : 0;
        details.InnerAbsent += checksums.Inner == ChecksumState.None ? 1 : 0;
    }

    private static DoctorReport Report(ChecksumTarget target, ChecksumDetails details)
    {
        List<DoctorFinding> findings = [];
        string where = $"packets of {target.Peer}{(target.Link is null ? "" : $" on {target.Link}")}";
        if (details.InnerPartial > 0)
        {
            findings.Add(new DoctorFinding(
                FindingIds.PartialChecksum, where,
                string.Create(CultureInfo.InvariantCulture, $"{details.InnerPartial} of {details.Packets} have an inner checksum of the pseudo header alone: nobody finished it before it was wrapped"),
                "an inner checksum that covers the whole segment; receivers drop the others",
                $"at {target.Peer}, where the inner packets come from: ethtool -K DEVICE tx off, of the pod's veth or the tap; and of the underlay's device ethtool -K DEVICE tx-udp_tnl-csum-segmentation off"));
        }

        if (details.InnerWrong + details.InnerHeaderWrong > 0)
        {
            findings.Add(new DoctorFinding(
                FindingIds.BadChecksum, where,
                string.Create(CultureInfo.InvariantCulture, $"{details.InnerWrong + details.InnerHeaderWrong} of {details.Packets} have a wrong checksum inside, {details.InnerHeaderWrong} of them that of the IPv4 header"),
                "right inner checksums; receivers drop the others",
                $"at {target.Peer}: ethtool -K DEVICE tx off of the underlay's device; if it stays, something changes inner packets (NAT, a middlebox) without their checksums"));
        }

        if (details.OuterWrong > 0)
        {
            findings.Add(new DoctorFinding(
                FindingIds.BadChecksum, where,
                string.Create(CultureInfo.InvariantCulture, $"{details.OuterWrong} of {details.Packets} have a wrong outer checksum"),
                "a right outer checksum, or none",
                $"at {target.Peer}: ethtool -K DEVICE tx off of the underlay's device, or no outer checksum: ip link … type vxlan … noudpcsum, \"outerChecksum\": \"off\""));
        }

        List<string> undecided = [];
        if (details.Packets == details.Unfinished)
        {
            undecided.Add(details.Packets == 0
                ? string.Create(CultureInfo.InvariantCulture, $"no packet of a tunnel came from {target.Peer} in {details.Seconds} s; send something through it meanwhile, such as iperf3 from the peer to here")
                : "all packets come from this very machine, where checksums are left open; look at the other end of a wire");
        }
        else if (details.InnerRight + details.InnerPartial + details.InnerWrong == 0)
        {
            undecided.Add("no packet had a checksum inside: let TCP run through the tunnel meanwhile");
        }

        return new DoctorReport
        {
            Doctor = "checksum",
            To = target.Peer.ToString(),
            Findings = findings,
            Undecided = undecided,
            Details = JsonSerializer.SerializeToElement(details, DoctorJson.Relaxed.ChecksumDetails),
            Text = Table(details),
        };
    }

    private static string Table(ChecksumDetails details) => string.Create(CultureInfo.InvariantCulture, $"""
        {details.Packets} packets of a tunnel in {details.Seconds} s, {details.Unfinished} of this machine and not looked at
          outer checksum   {details.OuterWrong} wrong, {details.OuterAbsent} absent
          inner IPv4       {details.InnerHeaderWrong} wrong
          inner checksum   {details.InnerRight} right, {details.InnerPartial} partial, {details.InnerWrong} wrong, {details.InnerAbsent} absent

        """);
}
