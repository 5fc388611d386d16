using System.Buffers.Binary;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class VxlanGpePacketTests
{
    private const VxlanGpeFlags All = VxlanGpeFlags.ValidVni | VxlanGpeFlags.NextProtocol | VxlanGpeFlags.ReplicatedBum | VxlanGpeFlags.Oam;

    // scapy 2.5: VXLAN(flags="Instance+NextProtocol", NextProtocol=2, vni=0x123456)/b"\x60\x00"
    private static readonly byte[] Golden = Convert.FromHexString("0C000002123456006000");

    private static readonly VxlanGpeHeader GoldenHeader = new(new Vni(0x123456), VxlanGpeNextProtocol.IPv6);

    [Fact]
    public void Packet_parses()
    {
        VxlanGpePacket packet = Parse(Golden);
        Assert.Equal((0, VxlanGpeFlags.ValidVni | VxlanGpeFlags.NextProtocol), (packet.Version, packet.Flags));
        Assert.Equal((VxlanGpeNextProtocol.IPv6, 0x123456u), (packet.NextProtocol, packet.Vni.Value));
        Assert.Equal(0x0C00_0002_1234_5600UL, packet.RawHeader);
        Assert.Equal("6000", Convert.ToHexString(packet.Payload));
        Assert.Equal(GoldenHeader, packet.ToHeader());
    }

    [Fact]
    public void Headers_are_written()
    {
        HeaderAssert.Writes(Golden[..8], GoldenHeader.TryWrite);
        // Without the P flag it is the header of plain VXLAN (scapy: VXLAN(vni=0x123456)).
        HeaderAssert.Writes(
            Convert.FromHexString("0800000012345600"),
            new VxlanGpeHeader(new Vni(0x123456), VxlanGpeNextProtocol.Ethernet, VxlanGpeFlags.ValidVni).TryWrite);
    }

    [Fact]
    public void Largest_values_are_written() =>
        HeaderAssert.Writes(Convert.FromHexString("0F0000FFFFFFFF00"), new VxlanGpeHeader(new Vni(Vni.MaxValue), (VxlanGpeNextProtocol)255, All).TryWrite);

    [Fact]
    public void Payload_is_Ethernet_without_the_P_flag_whatever_the_field_says()
    {
        for (int value = 0; value < 256; value++)
        {
            byte[] changed = [.. Golden];
            changed[3] = (byte)value;
            Assert.Equal(value, (int)Parse(changed).NextProtocol);
            Assert.Equal(changed[..8], HeaderAssert.Written(Parse(changed).ToHeader().TryWrite));
            changed[0] = 8;
            Assert.Equal(VxlanGpeNextProtocol.Ethernet, Parse(changed).NextProtocol);
            Assert.Equal("0800000012345600", Convert.ToHexString(HeaderAssert.Written(Parse(changed).ToHeader().TryWrite)));
        }
    }

    [Fact]
    public void Truncated_packets_are_refused() => HeaderAssert.RefusesEveryTruncation(Golden[..8], Parse);

    [Fact]
    public void Every_first_byte_is_judged_by_version_and_I_flag()
    {
        for (int first = 0; first < 256; first++)
        {
            byte[] changed = [.. Golden];
            changed[0] = (byte)first;
            WireError expected = (first & 0x30) != 0 ? WireError.Version : (first & 8) == 0 ? WireError.Flags : WireError.None;
            Assert.Equal(expected == WireError.None, VxlanGpePacket.TryParse(changed, out VxlanGpePacket packet, out WireError error));
            Assert.Equal(expected, error);
            if (error == WireError.None)
            {
                Assert.Equal((0, first & 15), (packet.Version, (int)packet.Flags));
            }
        }
    }

    [Fact]
    public void Headers_that_make_no_sense_are_refused()
    {
        byte[] memory = new byte[8];
        Assert.Throws<InvalidOperationException>(() => default(VxlanGpeHeader).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => new VxlanGpeHeader().TryWrite(memory, out _));
        Assert.Equal(new byte[8], memory);
        for (int flags = 0; flags < 256; flags++)
        {
            foreach (VxlanGpeNextProtocol next in (VxlanGpeNextProtocol[])[VxlanGpeNextProtocol.None, VxlanGpeNextProtocol.IPv4, VxlanGpeNextProtocol.Ethernet])
            {
                VxlanGpeHeader header = new(new Vni(1), next, (VxlanGpeFlags)flags);
                if ((flags & 0xF8) == 8 && ((flags & 4) != 0 || next == VxlanGpeNextProtocol.Ethernet))
                {
                    Assert.True(header.TryWrite(memory, out _));
                    Assert.Equal((flags, (flags & 4) != 0 ? (int)next : 0), (memory[0], memory[3]));
                }
                else
                {
                    Assert.Throws<InvalidOperationException>(() => header.TryWrite(memory, out _));
                }
            }
        }
    }

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        // The bits of the draft's diagram, one by one; version and I flag decide whether it parses and have their own test.
        Field[] written =
        [
            new("B", 6, 1, b => Parse(b).Flags.HasFlag(VxlanGpeFlags.ReplicatedBum) ? 1u : 0),
            new("O", 7, 1, b => Parse(b).Flags.HasFlag(VxlanGpeFlags.Oam) ? 1u : 0),
            new("next protocol", 24, 8, b => (byte)Parse(b).NextProtocol),
            new("VNI", 32, 24, b => Parse(b).Vni.Value),
        ];
        HeaderAssert.EveryBit(Golden[..8], written, bytes => HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite));
        HeaderAssert.EveryBit(
            Golden,
            [
                .. written,
                new("R R", 0, 2, b => (UInt128)(Parse(b).RawHeader >> 62)),
                new("reserved 16", 8, 16, b => (UInt128)((Parse(b).RawHeader >> 40) & 0xFFFF)),
                new("reserved 8", 56, 8, b => (UInt128)(Parse(b).RawHeader & 0xFF)),
            ]);
        HeaderAssert.EveryBit(
            Convert.FromHexString("0C00000312345600"), [new("P", 5, 1, b => Parse(b).Flags.HasFlag(VxlanGpeFlags.NextProtocol) ? 1u : 0), written[3]]);
    }

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => random.Next(4) == 0
            ? new VxlanGpeHeader(
                new Vni((uint)random.Next(1 << 24)), VxlanGpeNextProtocol.Ethernet, VxlanGpeFlags.ValidVni | (VxlanGpeFlags)random.Next(4))
            : new VxlanGpeHeader(
                new Vni((uint)random.Next(1 << 24)), (VxlanGpeNextProtocol)random.Next(256),
                VxlanGpeFlags.ValidVni | VxlanGpeFlags.NextProtocol | (VxlanGpeFlags)random.Next(4)),
        header => HeaderAssert.Written(header.TryWrite),
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Golden, bytes =>
    {
        if (!VxlanGpePacket.TryParse(bytes, out VxlanGpePacket packet))
        {
            return false;
        }

        Assert.Equal(BinaryPrimitives.ReadUInt64BigEndian(bytes), packet.RawHeader);
        Assert.Equal(bytes[8..], packet.Payload.ToArray());
        return packet.ToHeader() is var header && header.Vni == packet.Vni && header.NextProtocol == packet.NextProtocol && header.TryWrite(new byte[8], out _);
    });

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[8];
        Allocations.Zero(() =>
        {
            if (VxlanGpePacket.TryParse(Golden, out VxlanGpePacket packet))
            {
                packet.ToHeader().TryWrite(memory, out _);
            }
        });
        Assert.Equal(Golden[..8], memory);
    }

    [Fact]
    public void Capture_of_a_service_header_is_read_as_documented()
    {
        byte[] bytes = Assert.Single(CapturedTunnels.Payloads("tcpdump/nsh-over-vxlan-gpe.pcap", VxlanGpePacket.DefaultPort));
        VxlanGpePacket packet = Parse(bytes);
        Assert.Equal((VxlanGpeFlags.ValidVni | VxlanGpeFlags.NextProtocol, VxlanGpeNextProtocol.Nsh, 0xFFFFFFu), (packet.Flags, packet.NextProtocol, packet.Vni.Value));

        // tcpdump: NSH, ver 0, flags [O], TTL 0, length 6, md type 2, next-protocol IPv4, service-path-id 0xffffff, service-index 0xff
        Assert.True(NshPacket.TryParse(packet.Payload, out NshPacket nsh));
        Assert.Equal((0, true, 0, 24, NshMetadataType.VariableLength, NshNextProtocol.IPv4), (nsh.Version, nsh.IsOam, nsh.TimeToLive, nsh.HeaderLength, nsh.MetadataType, nsh.NextProtocol));
        Assert.Equal((0xFFFFFFu, 0xFF), (nsh.ServicePathIdentifier, (int)nsh.ServiceIndex));
        Assert.Equal("00010201123456780002030112345678", Convert.ToHexString(nsh.Context));
        CapturedTunnels.AssertInner(nsh.Payload, EtherType.IPv4);
    }

    private static bool Parse(ReadOnlySpan<byte> source, out WireError error) => VxlanGpePacket.TryParse(source, out _, out error);

    private static VxlanGpePacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(VxlanGpePacket.TryParse(bytes, out VxlanGpePacket packet, out WireError error), error.ToString());
        return packet;
    }
}
