using System.Buffers;
using Overlay.Capture;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

/// <summary>Every kind over UDP: written, taken apart again, and read by tshark.</summary>
public sealed class UdpEncapsulatorTests
{
    private const ushort FouPort = 5555;

    private static readonly ValueIPAddress Local4 = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote4 = ValueIPAddress.Parse("192.0.2.2");
    private static readonly ValueIPAddress Local6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress Remote6 = ValueIPAddress.Parse("2001:db8::2");
    private static readonly MacAddress Mac = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly byte[] Option = TunnelHeaderTests.Option(0x0102, 1, [0, 0, 0, 7]);

    public static TheoryData<TunnelKind, bool, bool, bool> Forms => new(
        from facts in TunnelFacts.All
        where facts.IsOverUdp
        from ethernet in new[] { true, false }
        where ethernet ? facts.CarriesEthernet : facts.CarriesIP
        from outer6 in new[] { false, true }
        from inner6 in new[] { false, true }
        select (facts.Kind, ethernet, outer6, inner6));

    [Theory]
    [MemberData(nameof(Forms))]
    public void What_is_written_is_taken_apart_again(TunnelKind kind, bool ethernet, bool outer6, bool inner6)
    {
        UdpEncapsulator encapsulator = Make(kind, ethernet, outer6);
        byte[] inner = Inner(encapsulator.Header, inner6);
        byte[] packet = new byte[encapsulator.Overhead + inner.Length];
        Array.Fill(packet, (byte)0xA5);
        Assert.Equal(OperationStatus.DestinationTooSmall, encapsulator.Encapsulate(inner, new Vni(7), packet.AsSpan(1), out int written));
        Assert.Equal(0, written);
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(inner, new Vni(7), packet, out written));
        Assert.Equal(packet.Length, written);

        Assert.True(Decapsulator.TryDecapsulate(packet, kind, encapsulator.DestinationPort, out Decapsulated got, out DropReason reason), reason.ToString());
        EtherType type = encapsulator.Header.HasInnerEthernet ? EtherType.TransparentEthernetBridging : inner6 ? EtherType.IPv6 : EtherType.IPv4;
        Assert.Equal((kind, IPProtocol.Udp, type), (got.Kind, got.Protocol, got.InnerProtocol));
        Assert.Equal(new Vni(TunnelFacts.Of(kind).HasVni ? 7u : 0u), got.Vni);
        Assert.Equal((encapsulator.Local, encapsulator.Remote), (got.Remote, got.Local));
        Assert.Equal((encapsulator.Header.Length, encapsulator.Overhead), (got.HeaderLength, got.PayloadOffset));
        Assert.InRange(got.SourcePort, 49_152, 65_535);
        Assert.True(got.Payload.SequenceEqual(inner));
        Assert.True(got.Options.SequenceEqual(encapsulator.Header.Options));
        Assert.Equal(kind == TunnelKind.Vxlan ? (ushort?)77 : null, got.GroupPolicyId);
        int options = 0;
        foreach (GeneveOption option in got.GeneveOptions)
        {
            Assert.Equal((0x0102, 1), (option.Class, option.Type));
            options++;
        }

        Assert.Equal(kind == TunnelKind.Geneve ? 1 : 0, options);

        // In place, over whatever lay there.
        byte[] place = new byte[packet.Length];
        Array.Fill(place, (byte)0x5A);
        inner.CopyTo(place, encapsulator.Overhead);
        OuterHeaderFields fields = new() { Vni = new Vni(7), SourcePort = got.SourcePort, DontFragment = true, TrafficClass = got.TrafficClass, FlowLabel = Label(packet) };
        encapsulator.WriteOuter(place, inner.Length, fields);
        Assert.Equal(Convert.ToHexString(packet), Convert.ToHexString(place));
        Allocations.Zero(() => encapsulator.Encapsulate(inner, new Vni(7), packet, out _));

        // Its port only, and its kind only where the bytes say so.
        Assert.False(Decapsulator.TryDecapsulate(packet, kind, (ushort)(encapsulator.DestinationPort + 1), out _, out reason));
        Assert.Equal(DropReason.NotTunnel, reason);
        for (int length = 0; length < packet.Length; length++)
        {
            Assert.False(Decapsulator.TryDecapsulate(packet.AsSpan(0, length), kind, encapsulator.DestinationPort, out _, out _));
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void The_MTU_counts_what_is_written(TunnelKind kind, bool ethernet, bool outer6, bool inner6)
    {
        UdpEncapsulator encapsulator = Make(kind, ethernet, outer6);
        int innerEthernet = encapsulator.Header.HasInnerEthernet ? 14 : 0;
        Assert.Equal(
            encapsulator.Overhead + innerEthernet,
            TunnelMtu.Overhead(kind, encapsulator.Local.AddressFamily, optionLength: encapsulator.Header.Options.Length, innerIP: !ethernet));
        byte[] longest = new byte[encapsulator.MaxPayloadLength + 1];
        Inner(encapsulator.Header, inner6).CopyTo(longest, 0);
        byte[] packet = new byte[encapsulator.Overhead + longest.Length];
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(longest.AsSpan(0, longest.Length - 1), default(Vni), packet, out _));
        Assert.Equal(OperationStatus.InvalidData, encapsulator.Encapsulate(longest, default(Vni), packet, out _));
    }

    [Fact]
    public void Plain_VXLAN_is_the_same_as_that_of_its_own_encapsulator()
    {
        foreach (bool ipv6 in new[] { false, true })
        {
            ValueIPAddress local = ipv6 ? Local6 : Local4, remote = ipv6 ? Remote6 : Remote4;
            UdpEncapsulator general = new(local, remote, TunnelHeader.Vxlan);
            VxlanEncapsulator special = new(local, remote);
            byte[] frame = Inner(TunnelHeader.Vxlan, false);
            byte[] a = new byte[general.Overhead + frame.Length], b = new byte[special.Overhead + frame.Length];
            Assert.Equal(OperationStatus.Done, general.Encapsulate(frame, new Vni(99), a, out _));
            Assert.Equal(OperationStatus.Done, special.Encapsulate(frame, new Vni(99), b, out _));
            Assert.Equal(Convert.ToHexString(b), Convert.ToHexString(a));
        }
    }

    [Fact]
    public void What_the_tunnel_does_not_carry_is_refused()
    {
        UdpEncapsulator gue = Make(TunnelKind.Gue, false, false);
        byte[] packet = new byte[200];
        Assert.Equal(OperationStatus.InvalidData, gue.Encapsulate(new byte[40], default(Vni), packet, out _));
        Assert.Equal(OperationStatus.InvalidData, gue.Encapsulate(default, default(Vni), packet, out _));
        Assert.Equal(OperationStatus.InvalidData, gue.Encapsulate([0x45, .. new byte[18]], default(Vni), packet, out _));
        Assert.Equal(OperationStatus.InvalidData, Make(TunnelKind.Geneve, true, false).Encapsulate(new byte[13], default(Vni), packet, out _));
        Assert.Throws<ArgumentException>(() => gue.WriteOuter(packet, 40, default));
        Assert.Throws<ArgumentException>(() => gue.WriteOuter(packet.AsSpan(0, gue.Overhead + 39), 40, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => gue.WriteOuter(packet, 0, default));
        Assert.Throws<ArgumentException>(() => new UdpEncapsulator(Local4, Remote4, TunnelHeader.Create(TunnelKind.Fou, false)));
        Assert.Throws<ArgumentException>(() => new UdpEncapsulator(Local4, Remote6, TunnelHeader.Vxlan));
        Assert.Throws<ArgumentOutOfRangeException>(() => new UdpEncapsulator(Local4, Remote4, TunnelHeader.Vxlan, new() { Dscp = 64 }));
    }

    [Fact]
    public async Task Tshark_reads_what_is_written()
    {
        Requires.Tool("tshark");
        List<(TunnelKind Kind, bool Ethernet, bool Outer6, bool Inner6)> forms = [];
        List<byte[]> packets = [];
        foreach (var row in Forms)
        {
            (TunnelKind kind, bool ethernet, bool outer6, bool inner6) = row.Data;
            UdpEncapsulator encapsulator = Make(kind, ethernet, outer6);
            byte[] inner = Inner(encapsulator.Header, inner6);
            byte[] packet = new byte[encapsulator.Overhead + inner.Length];
            Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(inner, new Vni(0x010203), packet, out _));
            forms.Add((kind, ethernet, outer6, inner6));
            packets.Add(packet);
        }

        string path = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcapng");
        string output;
        try
        {
            await using (CaptureWriter writer = new(File.Create(path)))
            {
                int raw = writer.AddInterface(LinkType.Raw);
                foreach (byte[] packet in packets)
                {
                    await writer.WriteAsync(raw, 0, packet, cancellationToken: TestContext.Current.CancellationToken);
                }
            }

            output = Tshark.Run("tshark",
            [
                "-n", "-r", path, "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-d", "udp.port==5555,ip", "-d", "udp.port==8285,ip",
                "-T", "fields", "-E", "occurrence=a", "-e", "frame.protocols", "-e", "udp.checksum.status", "-e", "_ws.malformed", "-e", "vxlan.gbp",
                "-e", "vxlan.flags", "-e", "geneve.vni", "-e", "geneve.option.class", "-e", "geneve.option.unknown.data", "-e", "data.data", "-e", "vxlan.vni",
            ]);
        }
        finally
        {
            File.Delete(path);
        }

        string[][] rows = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];
        Assert.Equal(forms.Count, rows.Length);
        for (int i = 0; i < rows.Length; i++)
        {
            (TunnelKind kind, bool ethernet, bool outer6, bool inner6) = forms[i];
            string[] row = rows[i];
            string shim = kind switch
            {
                // It reads GPE, but leaves it out of this list.
                TunnelKind.Vxlan => "vxlan:",
                TunnelKind.Geneve => "geneve:",
                // Told to expect IP behind the port, it lists "ip" in front of IPv6, too.
                TunnelKind.Fou or TunnelKind.IPInUdp when inner6 => "ip:",
                _ => "",
            };
            // This tshark does not know GUE.
            string inner = kind == TunnelKind.Gue ? "data" : (ethernet || kind == TunnelKind.Vxlan ? "eth:ethertype:" : "") + (inner6 ? "ipv6" : "ip") + ":udp:data";
            string at = $"{kind} {ethernet} {outer6} {inner6}: {string.Join(" | ", row)}";
            Assert.True(row[0].EndsWith($"{(outer6 ? "ipv6" : "ip")}:udp:{shim}{inner}", StringComparison.Ordinal), at);
            Assert.All(row[1].Split(','), status => Assert.True(status == "1", at));
            Assert.True(row[2].Length == 0, at);
            Assert.True(row[8].Contains(Convert.ToHexStringLower("hello tunnel"u8), StringComparison.Ordinal), at);
            switch (kind)
            {
                case TunnelKind.Vxlan:
                    Assert.Equal(("77", "66051"), (row[3], row[9]));
                    break;
                case TunnelKind.VxlanGpe:
                    Assert.Equal("66051", row[9]);
                    break;
                case TunnelKind.Geneve:
                    Assert.True(row[5] is "0x010203" or "66051", at);
                    Assert.True(row[6] == "0x0102" && row[7] == "00000007", at);
                    break;
                case TunnelKind.Gue:
                    Assert.True(row[8].StartsWith(inner6 ? "0029000060" : "0004000045", StringComparison.Ordinal), at);
                    break;
            }
        }
    }

    private static UdpEncapsulator Make(TunnelKind kind, bool ethernet, bool outer6) => new(
        outer6 ? Local6 : Local4,
        outer6 ? Remote6 : Remote4,
        TunnelHeader.Create(kind, ethernet, kind == TunnelKind.Vxlan ? (ushort)77 : null, kind == TunnelKind.Geneve ? Option : default),
        new UdpEncapsulatorOptions { DestinationPort = kind == TunnelKind.Fou ? FouPort : (ushort)0 });

    private static byte[] Inner(TunnelHeader header, bool ipv6)
    {
        byte[] packet = ipv6
            ? PacketBuilder.Udp(ValueIPAddress.Parse("fd00::1"), ValueIPAddress.Parse("fd00::2"), 1000, 2000, "hello tunnel"u8)
            : PacketBuilder.Udp(ValueIPAddress.Parse("10.0.0.1"), ValueIPAddress.Parse("10.0.0.2"), 1000, 2000, "hello tunnel"u8);
        return header.HasInnerEthernet ? PacketBuilder.Ethernet(Mac, Mac, ipv6 ? EtherType.IPv6 : EtherType.IPv4, packet) : packet;
    }

    private static uint Label(byte[] packet) => IPv6Packet.TryParse(packet, out IPv6Packet ipv6) ? ipv6.FlowLabel : 0;
}
