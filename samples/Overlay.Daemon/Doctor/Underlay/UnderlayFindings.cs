using System.Globalization;

namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>What follows from which probes arrived: properties that the lost ones share and the others lack.</summary>
/// <param name="Findings">What is wrong.</param>
/// <param name="Undecided">What is not known.</param>
internal sealed record UnderlayFindings(IReadOnlyList<DoctorFinding> Findings, IReadOnlyList<string> Undecided)
{
    /// <summary>Draws the conclusions.</summary>
    /// <param name="target">Who was asked.</param>
    /// <param name="probes">All probes, each with what became of it.</param>
    /// <param name="hasResponder">Whether an overlayd told what arrived.</param>
    public static UnderlayFindings Of(UnderlayTarget target, IReadOnlyList<Probe> probes, bool hasResponder)
    {
        Reader reader = new(target, probes);
        if (hasResponder)
        {
            reader.ReadArrivals();
        }
        else
        {
            reader.ReadKernel();
        }

        reader.ReadSizes();
        return new UnderlayFindings(reader.Findings, reader.Undecided);
    }

    private sealed class Reader(UnderlayTarget target, IReadOnlyList<Probe> probes)
    {
        private static readonly ProbeForm[] ToTunnelPort =
        [
            ProbeForm.TunnelPort, ProbeForm.Vxlan, ProbeForm.VxlanOtherVni, ProbeForm.VxlanNoChecksum, ProbeForm.VxlanBadChecksum, ProbeForm.VxlanSourcePort,
        ];

        private static readonly ProbeForm[] ToOtherPort = [ProbeForm.OtherPort, ProbeForm.OtherPortNoChecksum, ProbeForm.VxlanOtherPort];

        private static readonly (ProbeForm Form, string Name)[] Protocols =
            [(ProbeForm.IPv4InIP, "protocol 4 (IPv4 in IP)"), (ProbeForm.IPv6InIP, "protocol 41 (IPv6 in IP)"), (ProbeForm.Gre, "protocol 47 (GRE)")];

        private readonly string _way = $"{target.From} to {target.To}";

        public List<DoctorFinding> Findings { get; } = [];

        public List<string> Undecided { get; } = [];

        public void ReadArrivals()
        {
            if (!Any(ToTunnelPort) && !Any(ToOtherPort) && !Arrived(ProbeForm.Gue))
            {
                Add(FindingIds.ProtocolFiltered, "protocol 17 (UDP)", $"no UDP datagram of {_way} arrives, to any port, and other packets do{By(ProbeForm.OtherPort)}",
                    "UDP passes", "let UDP pass, or use a tunnel without it, such as \"kind\": \"ipip\"");
            }
            else if (!Any(ToTunnelPort))
            {
                Add(FindingIds.PortFiltered, Port(target.Port),
                    $"nothing to UDP port {target.Port} arrives, whatever is in it; the same to port {target.OtherPort} does{By(ProbeForm.TunnelPort)}",
                    $"UDP to port {target.Port} passes", $"let UDP port {target.Port} pass in firewalls and security groups on the way of {_way}, or give both ends another \"port\"");
            }

            ReadHeader();
            ReadChecksums();
            ReadSourcePorts();
            ReadProtocols();
        }

        // Without a responder the target's kernel is the witness: it says who is not there, and nothing about who is.
        public void ReadKernel()
        {
            foreach ((ProbeForm form, string where, string id) in ((ProbeForm, string, string)[])[
                (ProbeForm.TunnelPort, Port(target.Port), FindingIds.PortFiltered), .. Protocols.Select(protocol => (protocol.Form, protocol.Name, FindingIds.ProtocolFiltered))])
            {
                if (Find(form).ProhibitedBy is { } by)
                {
                    Add(id, where, $"{by} says that it is administratively prohibited", $"{where} passes", $"let {where} pass at {by}");
                }
            }

            Probe port = Find(ProbeForm.TunnelPort), vxlan = Find(ProbeForm.Vxlan), other = Find(ProbeForm.OtherPort);
            if (port.IsPortClosed || vxlan.IsPortClosed)
            {
                Add(FindingIds.PortClosed, Port(target.Port), $"{target.To} says by ICMP that nobody listens there", "the other end of the tunnel listens there",
                    $"start it, or give it this \"port\"; packets to port {target.Port} do arrive");
            }
            else if (other.IsPortClosed)
            {
                Undecided.Add($"UDP port {target.OtherPort} of {target.To} is answered by \"port unreachable\", port {target.Port} by nothing: somebody listens there, or it is filtered");
            }

            Undecided.Add(probes.Any(probe => probe.IsAnsweredByKernel || probe.ProhibitedBy is not null)
                ? $"no overlayd at {target.To} told what arrived; for certainty run 'overlayd doctor respond' there, as root, and ask again"
                : $"nothing at {target.To} answers, not even to ICMP echo requests: it is down, or all is filtered; run 'overlayd doctor respond' there, as root, and ask again");
        }

        public void ReadSizes()
        {
            List<Probe> sized = [.. probes.Where(probe => probe.Length != 0)];
            if (sized.Count == 0)
            {
                return;
            }

            Probe longest = sized[0];
            if (longest.HasArrived)
            {
                return;
            }

            List<Probe> arrived = [.. sized.Where(probe => probe.HasArrived)];
            if (arrived.Count == 0)
            {
                Undecided.Add($"packets of {longest.Length} bytes do not arrive, nor do those of {sized[^1].Length}, the least that any link has to carry");
                return;
            }

            int fits = arrived.Max(probe => probe.Length);
            if (longest.ToldMtu != fits)
            {
                string told = longest.ToldMtu == 0 ? "nobody says so" : $"{longest.ToldBy} says {longest.ToldMtu}";
                Add(FindingIds.SizeFiltered, _way, string.Create(CultureInfo.InvariantCulture,
                        $"IP packets of up to {fits} bytes arrive, longer ones are lost, and {told}; the link takes {longest.Length}"),
                    $"{longest.Length} bytes pass, or somebody says by ICMP what does",
                    string.Create(CultureInfo.InvariantCulture, $"let ICMP \"fragmentation needed\" and ICMPv6 \"packet too big\" pass, or set the route: ip route replace {target.To} … mtu {fits}"));
            }
        }

        private void ReadHeader()
        {
            bool isPlainThere = Arrived(ProbeForm.TunnelPort);
            // With or without a checksum, so that a filter of those is not taken for one of headers.
            bool isVxlanThere = Arrived(ProbeForm.Vxlan) || Arrived(ProbeForm.VxlanNoChecksum) || Arrived(ProbeForm.VxlanSourcePort);
            if (isPlainThere && !isVxlanThere && !Arrived(ProbeForm.VxlanOtherVni))
            {
                string elsewhere = Arrived(ProbeForm.VxlanOtherPort) ? $"to port {target.OtherPort} it arrives" : "nor does it to any other port";
                Add(FindingIds.HeaderFiltered, Port(target.Port),
                    $"a VXLAN header to port {target.Port} does not arrive, other bytes do; {elsewhere}{By(ProbeForm.Vxlan)}",
                    "VXLAN passes", Arrived(ProbeForm.VxlanOtherPort)
                        ? $"let VXLAN pass, or give both ends another \"port\" such as {target.OtherPort}" : "let VXLAN pass, or use another kind of tunnel");
            }
            else if (!isVxlanThere && Arrived(ProbeForm.VxlanOtherVni))
            {
                Add(FindingIds.HeaderFiltered, $"VNI {target.Vni}", $"VXLAN with VNI {target.Vni} does not arrive, with another VNI it does{By(ProbeForm.Vxlan)}",
                    $"VXLAN with VNI {target.Vni} passes", "let that VNI pass, or use another");
            }
        }

        private void ReadChecksums()
        {
            (ProbeForm with, ProbeForm without) = Any(ToTunnelPort) ? (ProbeForm.Vxlan, ProbeForm.VxlanNoChecksum) : (ProbeForm.OtherPort, ProbeForm.OtherPortNoChecksum);
            if (Arrived(with) && !Arrived(without))
            {
                Add(FindingIds.ChecksumFiltered, _way, $"UDP without a checksum does not arrive, with one it does{By(without)}",
                    "UDP without a checksum passes", "leave \"outerChecksum\" on; at a Linux peer: ip link … type vxlan … udpcsum");
            }
            else if (!Arrived(with) && Arrived(without))
            {
                Add(FindingIds.ChecksumFiltered, _way, $"UDP with a right checksum does not arrive, without one it does{By(with)}",
                    "UDP with a checksum passes", "look for a device that breaks checksums (ethtool -K … tx off), or set \"outerChecksum\": \"off\"");
            }

            List<Probe> right =
                [.. probes.Where(probe => probe.Form is not (ProbeForm.VxlanBadChecksum or ProbeForm.VxlanNoChecksum or ProbeForm.OtherPortNoChecksum))];
            int wrong = right.Count(probe => probe.Arrival == ProbeArrival.WrongChecksum), none = right.Count(probe => probe.Arrival == ProbeArrival.NoChecksum);
            if (wrong + none > 0)
            {
                Add(FindingIds.BadChecksum, _way, string.Create(CultureInfo.InvariantCulture,
                        $"of the datagrams that left with a right UDP checksum {wrong} arrive with a wrong one and {none} without"),
                    "packets arrive as they left", "look for the device on the way that changes packets and not their checksum; on the hosts: ethtool -K DEVICE tx off rx off");
            }
        }

        private void ReadSourcePorts()
        {
            List<Probe> ports = [.. probes.Where(probe => probe.Form == ProbeForm.VxlanSourcePort)];
            List<Probe> lost = [.. ports.Where(probe => !probe.HasArrived)];
            if (lost.Count > 0 && lost.Count < ports.Count)
            {
                Add(FindingIds.SourcePortFiltered, string.Join(", ", lost.Select(probe => probe.SourcePort)),
                    string.Create(CultureInfo.InvariantCulture, $"VXLAN from {lost.Count} of {ports.Count} source ports does not arrive, three times each"),
                    "it arrives from every source port", "look for one bad path among several (ECMP, bonding), or for a filter of source ports; until then set \"sourcePorts\"");
            }
        }

        private void ReadProtocols()
        {
            foreach ((ProbeForm form, string name) in Protocols)
            {
                if (!Arrived(form))
                {
                    Add(FindingIds.ProtocolFiltered, name, $"no packet of {name} of {_way} arrives{By(form)}", $"{name} passes",
                        $"let {name} pass (clouds often cannot), or use a tunnel over UDP, such as \"kind\": \"vxlan\" or \"gue\"");
                }
            }

            if (!Arrived(ProbeForm.Gue) && (Any(ToOtherPort) || Any(ToTunnelPort)))
            {
                const int GuePort = Overlay.Wire.GuePacket.DefaultPort;
                Add(FindingIds.PortFiltered, $"{Port(GuePort)} (GUE)", $"GUE to UDP port {GuePort} does not arrive, other UDP does{By(ProbeForm.Gue)}",
                    $"UDP to port {GuePort} passes, if a tunnel of GUE is wanted", $"let UDP port {GuePort} pass, or give both ends another \"port\"");
            }
        }

        private static string Port(int port) => string.Create(CultureInfo.InvariantCulture, $"UDP port {port}");

        private Probe Find(ProbeForm form) => probes.First(probe => probe.Form == form);

        private bool Arrived(ProbeForm form) => probes.Any(probe => probe.Form == form && probe.HasArrived);

        private bool Any(ProbeForm[] forms) => forms.Any(Arrived);

        private string By(ProbeForm form) => Find(form).ProhibitedBy is { } by ? $"; {by} says that it is prohibited" : "";

        private void Add(string id, string where, string said, string expected, string change) => Findings.Add(new DoctorFinding(id, where, said, expected, change));
    }
}
