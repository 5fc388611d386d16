using System.Globalization;
using Overlay.Capture;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

/// <summary>tshark as the oracle for what the encapsulators write, checksums included.</summary>
public sealed class TsharkTests
{
    private static readonly MacAddress Mac = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly ValueIPAddress Host = ValueIPAddress.Parse("10.0.0.1");
    private static readonly ValueIPAddress OtherHost = ValueIPAddress.Parse("10.1.0.1");
    private static readonly ValueIPAddress HostIPv6 = ValueIPAddress.Parse("fd00::1");
    private static readonly ValueIPAddress OtherHostIPv6 = ValueIPAddress.Parse("fd00:1::1");

    private const string Good = "1";
    private const string NotPresent = "3";

    private static readonly ValueIPAddress[] Locals = [ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("2001:db8::1")];
    private static readonly ValueIPAddress[] Remotes = [ValueIPAddress.Parse("192.0.2.2"), ValueIPAddress.Parse("2001:db8::2")];

    [Fact]
    public async Task Every_field_and_checksum_of_VXLAN_is_what_tshark_reads()
    {
        Requires.Tool("tshark");
        Random random = new(7);
        List<(byte[] Packet, OuterHeaderFields Fields, bool IPv6, bool Checksum, int FrameLength)> written = [];
        for (int i = 0; i < 200; i++)
        {
            bool ipv6 = i % 2 == 1, checksum = i % 4 < 2;
            var encapsulator = new VxlanEncapsulator(Locals[i % 2], Remotes[i % 2], new() { OuterChecksum = checksum });
            byte[] frame = Frame(i % 8 < 4, random.Next(1400));
            var fields = new OuterHeaderFields
            {
                Vni = new Vni((uint)random.Next(1 << 24)),
                SourcePort = (ushort)random.Next(49152, 65536),
                TrafficClass = (byte)random.Next(256),
                Ttl = (byte)random.Next(1, 256),
                DontFragment = random.Next(2) == 1,
                FlowLabel = (uint)random.Next(1 << 20),
                Identification = (ushort)random.Next(65536),
            };
            byte[] packet = new byte[encapsulator.Overhead + frame.Length];
            encapsulator.Encapsulate(frame, fields, packet, out _);
            written.Add((packet, fields, ipv6, checksum, frame.Length));
        }

        IReadOnlyList<string[]> read = await ReadAsync(
            [.. written.Select(w => w.Packet)],
            "ip.checksum.status", "udp.checksum.status", "vxlan.flags", "vxlan.vni", "udp.srcport", "udp.dstport", "udp.length", "ip.id",
            "ip.flags.df", "ip.ttl", "ipv6.hlim", "ip.dsfield", "ipv6.tclass", "ipv6.flow", "vxlan.reserved8", "_ws.malformed", "ip.len", "ipv6.plen");
        Assert.Equal(written.Count, read.Count);
        for (int i = 0; i < read.Count; i++)
        {
            (byte[] packet, OuterHeaderFields fields, bool ipv6, bool checksum, int frameLength) = written[i];
            string[] row = read[i];
            // Lists have the outer header's value first; in a list of IP fields the inner header comes second, or first if the outer is of the other family.
            Assert.All(row[0].Split(Tshark.Aggregator, StringSplitOptions.RemoveEmptyEntries), status => Assert.Equal(Good, status));
            string[] udp = row[1].Split(Tshark.Aggregator);
            Assert.Equal([checksum ? Good : NotPresent, Good], udp);
            Assert.Equal(0x0800, Number(row[2]));
            Assert.Equal((long)fields.Vni.Value, Number(row[3]));
            Assert.Equal(fields.SourcePort, Number(First(row[4])));
            Assert.Equal(4789, Number(First(row[5])));
            Assert.Equal(frameLength + 16, Number(First(row[6])));
            Assert.Equal(0, Number(row[14]));
            Assert.Equal("", row[15]);
            if (ipv6)
            {
                Assert.Equal((fields.Ttl, fields.TrafficClass, fields.FlowLabel), (Number(First(row[10])), Number(First(row[12])), Number(First(row[13]))));
                Assert.Equal(packet.Length - 40, Number(First(row[17])));
            }
            else
            {
                Assert.Equal((fields.Identification, fields.DontFragment), (Number(First(row[7])), First(row[8]) is "True" or "1"));
                Assert.Equal((fields.Ttl, fields.TrafficClass), (Number(First(row[9])), Number(First(row[11]))));
                Assert.Equal(packet.Length, Number(First(row[16])));
            }
        }
    }

    [Fact]
    public async Task Both_headers_of_IP_in_IP_are_what_tshark_reads()
    {
        Requires.Tool("tshark");
        List<(byte[] Packet, bool OuterIPv6, bool InnerIPv6)> written = [];
        for (int i = 0; i < 40; i++)
        {
            bool outerIPv6 = (i & 1) != 0, innerIPv6 = (i & 2) != 0;
            byte[] inner = Inner(innerIPv6, i * 30, (byte)(i & 3));
            var encapsulator = new IPInIPEncapsulator(Locals[i & 1], Remotes[i & 1]);
            byte[] packet = new byte[encapsulator.Overhead + inner.Length];
            encapsulator.Encapsulate(inner, packet, out _);
            written.Add((packet, outerIPv6, innerIPv6));
        }

        IReadOnlyList<string[]> read = await ReadAsync(
            [.. written.Select(w => w.Packet)], "frame.protocols", "ip.checksum.status", "udp.checksum.status", "ip.proto", "ipv6.nxt", "ip.dsfield.ecn", "ipv6.tclass.ecn", "_ws.malformed");
        Assert.Equal(written.Count, read.Count);
        for (int i = 0; i < read.Count; i++)
        {
            (_, bool outerIPv6, bool innerIPv6) = written[i];
            string[] row = read[i];
            Assert.StartsWith($"raw:{(outerIPv6 ? "ipv6" : "ip")}:{(innerIPv6 ? "ipv6" : "ip")}:udp", row[0], StringComparison.Ordinal);
            Assert.All(row[1].Split(Tshark.Aggregator, StringSplitOptions.RemoveEmptyEntries), status => Assert.Equal(Good, status));
            Assert.Equal(Good, row[2]);
            Assert.Equal(innerIPv6 ? 41 : 4, Number(First(outerIPv6 ? row[4] : row[3])));
            Assert.All(
                $"{row[5]}{Tshark.Aggregator}{row[6]}".Split(Tshark.Aggregator, StringSplitOptions.RemoveEmptyEntries), ecn => Assert.Equal(i & 3, Number(ecn)));
            Assert.Equal("", row[7]);
        }
    }

    [Fact]
    public async Task Every_field_and_checksum_of_GRE_is_what_tshark_reads()
    {
        Requires.Tool("tshark");
        Random random = new(47);
        List<(byte[] Packet, GreEncapsulatorOptions Options, uint Number, bool IPv6, bool InnerIPv6)> written = [];
        for (int i = 0; i < 128; i++)
        {
            var options = new GreEncapsulatorOptions
            {
                Ethernet = (i & 4) != 0,
                Key = (i & 8) != 0 ? (uint)random.NextInt64(1L << 32) : null,
                Checksum = (i & 16) != 0,
                SequenceNumbers = (i & 32) != 0,
            };
            bool ipv6 = (i & 1) != 0, innerIPv6 = (i & 2) != 0;
            byte[] inner = Inner(innerIPv6, random.Next(1400), (byte)(i & 3));
            inner = options.Ethernet ? PacketBuilder.Ethernet(Mac, Mac, innerIPv6 ? EtherType.IPv6 : EtherType.IPv4, inner) : inner;
            var encapsulator = new GreEncapsulator(Locals[i & 1], Remotes[i & 1], options);
            byte[] packet = new byte[encapsulator.Overhead + inner.Length];
            uint number = (uint)random.NextInt64(1L << 32);
            encapsulator.Encapsulate(inner, packet, out _, number);
            written.Add((packet, options, number, ipv6, innerIPv6));
        }

        IReadOnlyList<string[]> read = await ReadAsync(
            [.. written.Select(w => w.Packet)],
            "frame.protocols", "ip.checksum.status", "udp.checksum.status", "gre.proto", "gre.flags_and_version", "gre.key", "gre.sequence_number",
            "gre.checksum.status", "_ws.malformed");
        Assert.Equal(written.Count, read.Count);
        for (int i = 0; i < read.Count; i++)
        {
            (_, GreEncapsulatorOptions options, uint number, bool ipv6, bool innerIPv6) = written[i];
            string[] row = read[i];
            string inner = (options.Ethernet ? "eth:ethertype:" : "") + (innerIPv6 ? "ipv6" : "ip");
            Assert.StartsWith($"raw:{(ipv6 ? "ipv6" : "ip")}:gre:{inner}:udp", row[0], StringComparison.Ordinal);
            Assert.All(row[1].Split(Tshark.Aggregator, StringSplitOptions.RemoveEmptyEntries), status => Assert.Equal(Good, status));
            Assert.Equal(Good, row[2]);
            Assert.Equal(options.Ethernet ? 0x6558 : innerIPv6 ? 0x86DD : 0x0800, Number(row[3]));
            Assert.Equal(
                (options.Checksum ? 0x8000 : 0) | (options.Key is null ? 0 : 0x2000) | (options.SequenceNumbers ? 0x1000 : 0), Number(row[4]));
            Assert.Equal((long?)options.Key, row[5].Length == 0 ? null : (long?)Number(row[5]));
            Assert.Equal(options.SequenceNumbers ? (long?)number : null, row[6].Length == 0 ? null : (long?)Number(row[6]));
            Assert.Equal(options.Checksum ? Good : "", row[7]);
            Assert.Equal("", row[8]);
        }
    }

    [Fact]
    public async Task The_encapsulation_limit_is_what_tshark_reads()
    {
        Requires.Tool("tshark");
        List<byte[]> written = [];
        for (int i = 0; i < 8; i++)
        {
            byte[] inner = Inner((i & 1) != 0, i * 30, 0);
            var encapsulator = new IPInIPEncapsulator(Locals[1], Remotes[1], new() { EncapsulationLimit = (byte)(i * 36) });
            byte[] packet = new byte[encapsulator.Overhead + IPInIPEncapsulator.EncapsulationLimitLength + inner.Length];
            encapsulator.Encapsulate(inner, packet, out _);
            written.Add(packet);
        }

        IReadOnlyList<string[]> read = await ReadAsync(written, "frame.protocols", "ipv6.opt.tel", "ipv6.nxt", "ipv6.dstopts.nxt", "udp.checksum.status", "_ws.malformed");
        Assert.Equal(written.Count, read.Count);
        for (int i = 0; i < read.Count; i++)
        {
            string[] row = read[i];
            bool innerIPv6 = (i & 1) != 0;
            Assert.StartsWith($"raw:ipv6:ipv6.dstopts:{(innerIPv6 ? "ipv6" : "ip")}:udp", row[0], StringComparison.Ordinal);
            Assert.Equal((i * 36, 60, innerIPv6 ? 41 : 4), (Number(row[1]), Number(First(row[2])), Number(row[3])));
            Assert.Equal((Good, ""), (row[4], row[5]));
        }
    }

    private static async Task<IReadOnlyList<string[]>> ReadAsync(IReadOnlyList<byte[]> packets, params string[] fields)
    {
        string path = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcapng");
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

            List<string> arguments =
            [
                "-r", path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "udp.ignore_ipv6_zero_checksum:TRUE", "-T", "fields",
                "-E", "separator=/t", "-E", "occurrence=a", "-E", $"aggregator={Tshark.Aggregator}",
            ];
            foreach (string field in fields)
            {
                arguments.AddRange(["-e", field]);
            }

            return [.. Tshark.Run("tshark", arguments).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static byte[] Frame(bool ipv4, int payload) =>
        PacketBuilder.Ethernet(Mac, Mac, ipv4 ? EtherType.IPv4 : EtherType.IPv6, Inner(!ipv4, payload, 0));

    private static byte[] Inner(bool ipv6, int payload, byte trafficClass) => PacketBuilder.Udp(
        ipv6 ? HostIPv6 : Host, ipv6 ? OtherHostIPv6 : OtherHost, 40000, 40001, PacketBuilder.Payload(payload), trafficClass);

    private static string First(string list) => list.Split(Tshark.Aggregator)[0];

    private static long Number(string text) => text.StartsWith("0x", StringComparison.Ordinal)
        ? long.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        : long.Parse(text, CultureInfo.InvariantCulture);
}
