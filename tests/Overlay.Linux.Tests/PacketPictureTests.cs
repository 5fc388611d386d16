using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using Overlay.Capture;
using Overlay.Demo.Picture;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>Frames of a Linux kernel, taken apart: as the RFCs' diagrams have them, and as tshark does.</summary>
public sealed class PacketPictureTests
{
    private static readonly MacAddress Source = MacAddress.FromValue(0x0200_0000_0001);
    private static readonly MacAddress Destination = MacAddress.FromValue(0x0200_0000_0002);

    // The fields in which tshark cuts the bytes otherwise: it reads VXLAN's flags as 16 bits, for the extension of draft-smith-vxlan-group-policy.
    private static readonly (string Layer, string Name)[] CutOtherwise = [("VXLAN", "flags"), ("VXLAN", "reserved"), ("payload", "data")];

    [Fact]
    public void A_frame_that_Linux_encapsulated_is_read_field_by_field()
    {
        PacketPicture picture = PacketPicture.Of(KernelFrame("encap", "encap inner v4 ECN=0 tos inherit"));

        Assert.True(picture.Intact);
        Assert.Equal(
            ["outer Ethernet", "outer IPv4", "outer UDP", "VXLAN", "inner Ethernet", "inner IPv4", "inner UDP", "payload"],
            picture.Layers.Select(layer => layer.Name));
        Assert.Equal(
            [
                "0 267439ca0ad9 destination address = 26:74:39:ca:0a:d9", "6 1a95566b8a4e source address = 1a:95:56:6b:8a:4e", "12 0800 EtherType = IPv4",
                "14 45 version, IHL = version 4, header of 20 bytes", "15 00 DSCP, ECN = DSCP 0, ECN 0", "16 0056 total length = 86 bytes",
                "18 70c4 identification = 28868", "20 0000 flags, fragment offset = no DF, no MF, offset 0", "22 40 time to live = 64",
                "23 11 protocol = 17, UDP",
                "24 f5d0 header checksum = 0xf5d0, right", "26 0a000002 source address = 10.0.0.2", "30 0a000001 destination address = 10.0.0.1",
                "34 997c source port = 39292, a hash of the inner flow", "36 12b5 destination port = 4789, VXLAN", "38 0042 length = 66 bytes",
                "40 1456 checksum = 0x1456, left to the device",
                "42 08 flags = I: the VNI is valid", "43 000000 reserved = 0, as it must be sent", "46 000064 VNI = 100", "49 00 reserved = 0, as it must be sent",
                "50 020000000001 destination address = 02:00:00:00:00:01", "56 020000000099 source address = 02:00:00:00:00:99", "62 0800 EtherType = IPv4",
                "64 45 version, IHL = version 4, header of 20 bytes", "65 00 DSCP, ECN = DSCP 0, ECN 0", "66 0024 total length = 36 bytes",
                "68 0001 identification = 1", "70 4000 flags, fragment offset = DF, no MF, offset 0", "72 40 time to live = 64", "73 11 protocol = 17, UDP",
                "74 b6c4 header checksum = 0xb6c4, right", "76 c0000201 source address = 192.0.2.1", "80 c0000202 destination address = 192.0.2.2",
                "84 0457 source port = 1111", "86 08ae destination port = 2222", "88 0010 length = 16 bytes", "90 0000 checksum = 0, none",
                "92 4f5241434c452121 data = 8 bytes",
            ],
            picture.Layers.SelectMany(layer => layer.Fields).Select(field => $"{field.Offset} {field.Bytes} {field.Name} = {field.Value}"));
    }

    [Theory]
    [InlineData("encap", "encap inner v4 ECN=0 tos inherit")]
    [InlineData("encap", "encap inner v6 ECN=3 tos inherit")]
    [InlineData("encap", "encap arp-like ethertype 0x88b5")]
    [InlineData("decap", "inner VLAN 10 tag")]
    [InlineData("decap", "udp csum ok")]
    [InlineData("decap", "v6 underlay good csum")]
    public async Task Tshark_cuts_the_bytes_at_the_same_places(string list, string name)
    {
        byte[] frame = KernelFrame(list, name);
        PacketPicture picture = PacketPicture.Of(frame);
        Assert.DoesNotContain(picture.Layers, layer => layer.Name == "unreadable");
        HashSet<(int, string)> theirs = await TsharkFields(frame);
        foreach (PacketLayer layer in picture.Layers)
        {
            foreach (PacketField field in layer.Fields.Where(field => !CutOtherwise.Contains((layer.Name, field.Name))))
            {
                Assert.True(
                    theirs.Contains((field.Offset, field.Bytes)),
                    $"{name}: tshark has no field of the bytes {field.Bytes} at {field.Offset} ({layer.Name}, {field.Name}).");
            }
        }
    }

    [Fact]
    public void A_packet_in_a_packet_is_outer_and_inner()
    {
        byte[] inner = PacketBuilder.Udp(ValueIPAddress.Parse("2001:db8::1"), ValueIPAddress.Parse("2001:db8::2"), 1, 2, PacketBuilder.Payload(10));
        byte[] outer = PacketBuilder.IP(ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("192.0.2.2"), IPProtocol.IPv6, inner);
        PacketPicture picture = PacketPicture.Of(PacketBuilder.Ethernet(Destination, Source, EtherType.IPv4, outer));

        Assert.True(picture.Intact);
        Assert.Equal(["outer Ethernet", "outer IPv4", "inner IPv6", "inner UDP", "payload"], picture.Layers.Select(layer => layer.Name));
    }

    [Fact]
    public void An_arp_request_has_all_its_fields()
    {
        byte[] frame = PacketBuilder.ArpRequest(Source, ValueIPAddress.Parse("10.0.0.1"), ValueIPAddress.Parse("10.0.0.2"));
        PacketPicture picture = PacketPicture.Of(frame);

        Assert.True(picture.Intact);
        Assert.Equal(
            ["14 0001", "16 0800", "18 06", "19 04", "20 0001", "22 020000000001", "28 0a000001", "32 000000000000", "38 0a000002"],
            picture.Layers.Single(layer => layer.Name == "outer ARP").Fields.Select(field => $"{field.Offset} {field.Bytes}"));
    }

    [Theory]
    [InlineData(24)] // outer IPv4 header checksum
    [InlineData(40)] // outer UDP checksum
    [InlineData(74)] // inner IPv4 header checksum
    public void A_wrong_checksum_is_said(int offset)
    {
        byte[] frame = KernelFrame("decap", "udp csum ok");
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(offset), (ushort)(BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(offset)) ^ 0x0101));
        PacketPicture picture = PacketPicture.Of(frame);

        Assert.False(picture.Intact);
        PacketField checksum = picture.Layers.SelectMany(layer => layer.Fields).Single(field => field.Offset == offset);
        Assert.EndsWith("wrong", checksum.Value, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("encap", "encap inner v4 ECN=0 tos inherit")]
    [InlineData("decap", "v6 underlay good csum")]
    public void Whatever_the_bytes_are_each_is_shown_once(string list, string name)
    {
        byte[] frame = KernelFrame(list, name);
        for (int length = 0; length < frame.Length; length++)
        {
            PacketPicture picture = PacketPicture.Of(frame.AsSpan(0, length));
            AssertWhole(frame.AsSpan(0, length), picture);
            Assert.False(picture.Intact, $"{length} of {frame.Length} bytes cannot be right");
        }

        for (int bit = 0; bit < 8 * frame.Length; bit++)
        {
            byte[] changed = [.. frame];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            AssertWhole(changed, PacketPicture.Of(changed));
        }
    }

    [Fact]
    public void A_line_of_text_has_offset_bytes_name_value_and_specification()
    {
        string text = PacketPicture.Of(KernelFrame("encap", "encap inner v4 ECN=0 tos inherit")).ToString();

        Assert.Contains("  VXLAN (8 bytes)\n", text, StringComparison.Ordinal);
        Assert.Contains("     46  00 00 64                 VNI                      100                                     RFC 7348 §5\n", text, StringComparison.Ordinal);
    }

    private static void AssertWhole(ReadOnlySpan<byte> frame, PacketPicture picture)
    {
        Assert.Equal(Convert.ToHexStringLower(frame), string.Concat(picture.Layers.SelectMany(layer => layer.Fields).Select(field => field.Bytes)));
        int offset = 0;
        foreach (PacketField field in picture.Layers.SelectMany(layer => layer.Fields))
        {
            Assert.Equal(offset, field.Offset);
            offset += field.Bytes.Length / 2;
        }
    }

    private static byte[] KernelFrame(string list, string name)
    {
        using var vectors = JsonDocument.Parse(File.ReadAllBytes(Vectors.PathOf("kernel-vxlan.json")));
        JsonElement entry = vectors.RootElement.GetProperty(list).EnumerateArray().Single(element => element.GetProperty("name").GetString() == name);
        return Convert.FromHexString((list == "encap" ? entry.GetProperty("outer") : entry.GetProperty("frames")[0]).GetString()!);
    }

    private static async Task<HashSet<(int Offset, string Bytes)>> TsharkFields(byte[] frame)
    {
        string path = Path.GetTempFileName();
        try
        {
            await using (CaptureWriter writer = new(File.Create(path)))
            {
                writer.Write(writer.AddInterface(LinkType.Ethernet), 0, frame);
            }

            return [.. XDocument.Parse(Tshark.Run("tshark", ["-r", path, "-T", "pdml"])).Descendants("field")
                .Where(field => field.Attribute("pos") is not null && (field.Attribute("value") ?? field.Attribute("unmaskedvalue")) is not null)
                .Select(field => (
                    int.Parse(field.Attribute("pos")!.Value, CultureInfo.InvariantCulture),
                    (field.Attribute("unmaskedvalue") ?? field.Attribute("value"))!.Value))];
        }
        finally
        {
            File.Delete(path);
        }
    }
}
