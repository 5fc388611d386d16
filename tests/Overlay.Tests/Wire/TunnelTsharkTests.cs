using System.Globalization;
using Overlay.Capture;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

/// <summary>tshark as the oracle for what the headers behind UDP write: hundreds of random headers, field by field.</summary>
public sealed class TunnelTsharkTests
{
    private const int Count = 300;

    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.2");

    // No EtherType that tshark dissects: it shall judge the header, not random bytes behind it.
    private const EtherType Unknown = (EtherType)0x88B5;

    [Fact]
    public async Task Geneve_and_its_options_are_what_tshark_reads()
    {
        Random random = new(8926);
        List<byte[]> packets = [];
        List<string> expected = [];
        for (int i = 0; i < Count; i++)
        {
            var header = new GeneveHeader(new Vni((uint)random.Next(1 << 24)), Unknown) { IsControl = random.Next(2) == 1 };
            byte[] memory = new byte[GenevePacket.MaximumHeaderLength];
            int length = Write(header, random, memory, out string options);
            packets.Add(memory[..length]);
            expected.Add($"0 {(header.IsControl ? 1 : 0)} {(ushort)Unknown} {header.Vni.Value} {options}");
        }

        IReadOnlyList<string[]> rows = await ReadAsync(
            packets, GenevePacket.DefaultPort, "geneve.version", "geneve.flags.oam", "geneve.proto_type", "geneve.vni", "geneve.flags.critical",
            "geneve.option.class", "geneve.option.type", "geneve.option.type.critical", "geneve.option.unknown.data", "geneve.option.length.invalid");
        Assert.Equal(Count, rows.Count);
        for (int i = 0; i < Count; i++)
        {
            string[] row = rows[i];
            string[] classes = Values(row[5]), types = Values(row[6]), critical = Values(row[7]), data = Values(row[8]);
            IEnumerable<string> options = classes.Select((_, j) =>
                $"{Number(classes[j]):X4}/{Number(types[j]):X2}/{critical[j]}/{(data[j] == "<MISSING>" ? "" : data[j].ToUpperInvariant())}");
            Assert.Equal(
                expected[i], $"{row[0]} {row[1]} {Number(row[2])} {Number(row[3])} {row[4]} {string.Join(' ', options)}");
            Assert.Equal("", row[9]);
        }

        static int Write(GeneveHeader header, Random random, Span<byte> destination, out string description)
        {
            GeneveOptionsBuilder builder = new(stackalloc byte[GenevePacket.MaximumOptionsLength]);
            List<string> texts = [];
            // A class for experiments (0xFFF0 to 0xFFFF, RFC 8926 §7): tshark knows the layout of none of its types.
            for (int left = random.Next(4); left > 0; left--)
            {
                byte[] data = new byte[4 * random.Next(32)];
                random.NextBytes(data);
                (ushort optionClass, byte type) = ((ushort)random.Next(0xFFF0, 0x10000), (byte)random.Next(256));
                if (builder.TryAdd(optionClass, type, data))
                {
                    texts.Add($"{optionClass:X4}/{type:X2}/{(type >= 128 ? 1 : 0)}/{Convert.ToHexString(data)}");
                }
            }

            description = $"{(texts.Exists(text => text.Contains("/1/", StringComparison.Ordinal)) ? 1 : 0)} {string.Join(' ', texts)}";
            Assert.True(header.TryWrite(destination, builder.Written, out int written));
            return written;
        }
    }

    [Fact]
    public async Task Group_policy_is_what_tshark_reads()
    {
        Random random = new(5);
        List<byte[]> packets = [];
        List<string> expected = [];
        for (int i = 0; i < Count; i++)
        {
            bool dontLearn = random.Next(2) == 1, applied = random.Next(2) == 1;
            var header = new VxlanHeader(new Vni((uint)random.Next(1 << 24)), VxlanFlags.ValidVni | VxlanFlags.GroupPolicy)
            {
                GroupPolicyFlags = (dontLearn ? VxlanGroupPolicyFlags.DontLearn : 0) | (applied ? VxlanGroupPolicyFlags.PolicyApplied : 0),
                GroupPolicyId = (ushort)random.Next(65536),
            };
            packets.Add(HeaderAssert.Written(header.TryWrite));
            expected.Add($"1 1 {(dontLearn ? 1 : 0)} {(applied ? 1 : 0)} {header.GroupPolicyId} {header.Vni.Value} 0");
        }

        IReadOnlyList<string[]> rows = await ReadAsync(
            packets, VxlanPacket.DefaultPort, "vxlan.flag_g", "vxlan.flag_i", "vxlan.flag_d", "vxlan.flag_a", "vxlan.gbp", "vxlan.vni", "vxlan.reserved8");
        Assert.Equal(expected, rows.Select(row => string.Join(' ', row.Select(Number))));
    }

    [Fact]
    public async Task Generic_protocol_extension_is_what_tshark_reads()
    {
        Random random = new(4790);
        List<byte[]> packets = [];
        List<string> expected = [];
        for (int i = 0; i < Count; i++)
        {
            bool oam = random.Next(2) == 1, replicated = random.Next(2) == 1;
            var header = new VxlanGpeHeader(
                new Vni((uint)random.Next(1 << 24)), (VxlanGpeNextProtocol)random.Next(256),
                VxlanGpeFlags.ValidVni | VxlanGpeFlags.NextProtocol | (oam ? VxlanGpeFlags.Oam : 0) | (replicated ? VxlanGpeFlags.ReplicatedBum : 0));
            packets.Add(HeaderAssert.Written(header.TryWrite));
            expected.Add($"0 1 1 {(oam ? 1 : 0)} {(byte)header.Flags} 0 {(byte)header.NextProtocol} {header.Vni.Value} 0");
        }

        IReadOnlyList<string[]> rows = await ReadAsync(
            packets, VxlanGpePacket.DefaultPort, "vxlan.ver", "vxlan.i_bit", "vxlan.p_bit", "vxlan.o_bit", "vxlan.flags", "vxlan.reserved_16",
            "vxlan.next_proto", "vxlan.vni", "vxlan.reserved8");
        Assert.Equal(expected, rows.Select(row => string.Join(' ', row.Select(Number))));
    }

    [Fact]
    public async Task Service_headers_read_as_tshark_reads_them()
    {
        Random random = new(8300);
        List<byte[]> packets = [];
        List<string> read = [];
        for (int i = 0; i < Count; i++)
        {
            byte[] bytes = new byte[24];
            random.NextBytes(bytes);
            // Version 0 with fixed-length metadata: six words. The next protocol is one that nobody dissects.
            bytes[0] &= 0x3F;
            (bytes[1], bytes[2], bytes[3]) = ((byte)((bytes[1] & 0xC0) | 6), 1, (byte)random.Next(100, 250));
            Assert.True(NshPacket.TryParse(bytes, out NshPacket nsh));
            read.Add($"{nsh.Version} {(nsh.IsOam ? 1 : 0)} {nsh.TimeToLive} {nsh.HeaderLength / 4} {(int)nsh.MetadataType} {(int)nsh.NextProtocol} " +
                $"{nsh.ServicePathIdentifier} {nsh.ServiceIndex}");
            packets.Add([.. HeaderAssert.Written(new VxlanGpeHeader(new Vni(1), VxlanGpeNextProtocol.Nsh).TryWrite), .. bytes]);
        }

        IReadOnlyList<string[]> rows = await ReadAsync(
            packets, VxlanGpePacket.DefaultPort, "nsh.version", "nsh.Obit", "nsh.ttl", "nsh.length", "nsh.mdtype", "nsh.nextproto", "nsh.spi", "nsh.si");
        Assert.Equal(read, rows.Select(row => string.Join(' ', row.Select(Number))));
    }

    private static async Task<IReadOnlyList<string[]>> ReadAsync(List<byte[]> payloads, ushort port, params string[] fields)
    {
        Requires.Tool("tshark");
        string path = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcapng");
        try
        {
            await using (CaptureWriter writer = new(File.Create(path)))
            {
                int raw = writer.AddInterface(LinkType.Raw);
                foreach (byte[] payload in payloads)
                {
                    await writer.WriteAsync(
                        raw, 0, PacketBuilder.Udp(Local, Remote, 50000, port, payload), cancellationToken: TestContext.Current.CancellationToken);
                }
            }

            return Tshark.Fields(path, fields);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string[] Values(string list) => list.Split(Tshark.Aggregator, StringSplitOptions.RemoveEmptyEntries);

    private static long Number(string text) => text.StartsWith("0x", StringComparison.Ordinal)
        ? long.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        : long.Parse(text, CultureInfo.InvariantCulture);
}
