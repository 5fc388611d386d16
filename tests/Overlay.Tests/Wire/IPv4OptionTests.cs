using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class IPv4OptionTests
{
    // scapy 2.5: IP(src="192.0.2.1", dst="192.0.2.2", proto=59, options=[IPOption_Router_Alert(), IPOption_NOP(),
    //               IPOption_RR(routers=["10.0.0.1", "10.0.0.2"]), IPOption_EOL()])
    private static readonly byte[] Golden = Convert.FromHexString(
        "4a00002800010000403b3d84c0000201c0000202" + "9404000001070b040a0000010a00000200000000");

    [Fact]
    public void Options_of_a_packet_come_one_after_the_other()
    {
        Assert.True(IPv4Packet.TryParse(Golden, out IPv4Packet packet));
        Assert.True(packet.IsChecksumValid);
        IPv4OptionEnumerator options = packet.EnumerateOptions();
        Assert.True(options.MoveNext());
        Assert.Equal((IPv4OptionType.RouterAlert, 0, true), (options.Current.Type, options.Current.Offset, options.Current.IsCopied));
        Assert.Equal("0000", Convert.ToHexString(options.Current.Data));
        Assert.True(options.MoveNext());
        Assert.Equal((IPv4OptionType.RecordRoute, 5, false), (options.Current.Type, options.Current.Offset, options.Current.IsCopied));
        Assert.Equal("040A0000010A000002", Convert.ToHexString(options.Current.Data));
        Assert.False(options.MoveNext());
        Assert.False(options.MoveNext());
        Assert.Equal((WireError.None, 0), (options.Error, options.Current.Data.Length));
    }

    [Theory]
    [InlineData("", WireError.None)]
    [InlineData("01010101", WireError.None)]
    [InlineData("00FFFFFF", WireError.None)] // what follows the end is nothing
    [InlineData("94040000", WireError.None, "148@0 0000")]
    [InlineData("94020000", WireError.None, "148@0 ")] // shortest
    [InlineData("01940401020000FF", WireError.None, "148@1 0102")]
    [InlineData("94040000FF020101", WireError.None, "148@0 0000", "255@4 ")]
    [InlineData("94010000", WireError.HeaderLength)]
    [InlineData("94000000", WireError.HeaderLength)] // the endless loop of old
    [InlineData("9404000007000000", WireError.HeaderLength, "148@0 0000")]
    [InlineData("94050000", WireError.Truncated)]
    [InlineData("94FF0000", WireError.Truncated)]
    [InlineData("01010194", WireError.Truncated)] // type without a length
    [InlineData("94040000010107FF", WireError.Truncated, "148@0 0000")]
    public void Malformed_options_end_the_enumeration(string hex, WireError expected, params string[] found)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Assert.Equal(found, Describe(bytes, out WireError error));
        Assert.Equal(expected, error);
    }

    [Fact]
    public void Options_end_at_every_length()
    {
        byte[] options = Golden[20..36];
        for (int length = 0; length <= options.Length; length++)
        {
            // 4 bytes, "no operation", 11 bytes: between them nothing is missing.
            string[] found = Describe(options[..length], out WireError error);
            Assert.Equal(length is 0 or 4 or 5 or 16 ? WireError.None : WireError.Truncated, error);
            Assert.Equal(length < 4 ? 0 : length < 16 ? 1 : 2, found.Length);
        }
    }

    [Fact]
    public void Every_type_and_length_is_told_from_the_others()
    {
        for (int type = 2; type < 256; type++)
        {
            for (int length = 0; length < 256; length++)
            {
                byte[] bytes = [(byte)type, (byte)length, .. new byte[38]];
                string[] found = Describe(bytes, out WireError error);
                Assert.Equal(length < 2 ? WireError.HeaderLength : length > 40 ? WireError.Truncated : WireError.None, error);
                Assert.Equal(error == WireError.None ? [$"{type}@0 {new string('0', (length - 2) * 2)}"] : [], found);
            }
        }
    }

    [Fact]
    public void Random_options_come_out_as_they_went_in()
    {
        Random random = new(42);
        for (int i = 0; i < 10_000; i++)
        {
            List<byte> bytes = [];
            List<string> expected = [];
            while (bytes.Count < 24)
            {
                byte type = (byte)random.Next(1, random.Next(2) == 0 ? 256 : 3);
                byte[] data = new byte[random.Next(9)];
                random.NextBytes(data);
                if (type > 1)
                {
                    expected.Add($"{type}@{bytes.Count} {Convert.ToHexString(data)}");
                }

                bytes.AddRange(type == 1 ? [1] : [type, (byte)(data.Length + 2), .. data]);
            }

            while (bytes.Count % 4 != 0)
            {
                bytes.Add(0);
            }

            Assert.Equal(expected, Describe([.. bytes], out WireError error));
            Assert.Equal(WireError.None, error);

            // And through a header.
            IPv4Header header = new(ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("192.0.2.2"), IPProtocol.NoNextHeader);
            byte[] written = HeaderAssert.Written((Span<byte> d, out int n) => header.TryWrite(d, [.. bytes], out n));
            Assert.True(IPv4Packet.TryParse(written, out IPv4Packet packet));
            int count = 0;
            foreach (IPv4Option option in packet.EnumerateOptions())
            {
                Assert.Equal(written[20 + option.Offset], (byte)option.Type);
                count++;
            }

            Assert.Equal(expected.Count, count);
        }
    }

    [Fact]
    public void No_bytes_make_it_throw_or_loop() => HeaderAssert.NeverThrows(Golden[20..], bytes =>
    {
        string[] found = Describe(bytes, out WireError error);
        Assert.InRange(found.Length, 0, bytes.Length / 2);
        return error == WireError.None;
    });

    // INDEX.md: VNI 4242, inner IGMP with the router alert option (tshark: type 148, length 4, value 0), in all three frames.
    [Fact]
    public void Router_alert_of_a_capture_is_found()
    {
        int frames = 0;
        foreach (byte[] udpBytes in WireCorpus.Payloads("zeek/vxlan-encapsulated-igmp-v2.pcap", IPProtocol.Udp))
        {
            Assert.True(UdpPacket.TryParse(udpBytes, out UdpPacket udp));
            Assert.True(VxlanPacket.TryParse(udp.Payload, out VxlanPacket vxlan));
            Assert.Equal(4242u, vxlan.Vni.Value);
            Assert.True(EthernetFrame.TryParse(vxlan.Payload, out EthernetFrame frame));
            Assert.True(IPv4Packet.TryParse(frame.Payload, out IPv4Packet ip));
            Assert.Equal((IPProtocol.Igmp, 24), (ip.Protocol, ip.HeaderLength));
            Assert.Equal(["148@0 0000"], Describe(ip.Options.ToArray(), out WireError error));
            Assert.Equal(WireError.None, error);
            frames++;
        }

        Assert.Equal(3, frames);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        int found = 0;
        Allocations.Zero(() =>
        {
            found = 0;
            if (IPv4Packet.TryParse(Golden, out IPv4Packet packet))
            {
                foreach (IPv4Option option in packet.EnumerateOptions())
                {
                    found += option.Data.Length;
                }
            }
        });
        Assert.Equal(11, found);
    }

    private static string[] Describe(byte[] bytes, out WireError error)
    {
        List<string> found = [];
        IPv4OptionEnumerator options = new(bytes);
        while (options.MoveNext())
        {
            found.Add($"{(byte)options.Current.Type}@{options.Current.Offset} {Convert.ToHexString(options.Current.Data)}");
        }

        error = options.Error;
        return [.. found];
    }
}
