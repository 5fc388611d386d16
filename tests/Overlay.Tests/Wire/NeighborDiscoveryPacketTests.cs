using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class NeighborDiscoveryPacketTests
{
    // scapy 2.5, from fe80::1 to ff02::1:ff00:2: ICMPv6ND_NS(tgt="2001:db8::2")/ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:01")
    private static readonly byte[] Solicitation = Convert.FromHexString("87004b5f0000000020010db80000000000000000000000020101020000000001");

    // scapy, from 2001:db8::2 to fe80::1: ICMPv6ND_NA(tgt="2001:db8::2", R=0, S=1, O=1)/ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:02")
    private static readonly byte[] Advertisement = Convert.FromHexString("8800b9a96000000020010db80000000000000000000000020201020000000002");

    // scapy, from :: to ff02::1:ff00:2: ICMPv6ND_NS(tgt="2001:db8::2") and a nonce option
    private static readonly byte[] Probe = Convert.FromHexString("870035d60000000020010db80000000000000000000000020e01010203040506");

    private static readonly ValueIPAddress Asker = ValueIPAddress.Parse("fe80::1");
    private static readonly ValueIPAddress Group = ValueIPAddress.Parse("ff02::1:ff00:2");
    private static readonly ValueIPAddress Target = ValueIPAddress.Parse("2001:db8::2");
    private static readonly MacAddress AskerMac = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly MacAddress TargetMac = MacAddress.Parse("02:00:00:00:00:02");

    private static readonly NeighborDiscoveryHeader SolicitationHeader =
        new(IcmpV6Type.NeighborSolicitation, Target) { LinkLayerAddress = AskerMac, Checksum = 0x4B5F };

    private static readonly NeighborDiscoveryHeader AdvertisementHeader = new(IcmpV6Type.NeighborAdvertisement, Target)
    {
        Flags = NeighborDiscoveryFlags.Solicited | NeighborDiscoveryFlags.Override,
        LinkLayerAddress = TargetMac,
        Checksum = 0xB9A9,
    };

    [Fact]
    public void Solicitation_parses()
    {
        NeighborDiscoveryPacket packet = View(Solicitation);
        Assert.Equal(IcmpV6Type.NeighborSolicitation, packet.Type);
        Assert.Equal(Target, packet.Target);
        Assert.Equal(NeighborDiscoveryFlags.None, packet.Flags);
        Assert.Equal(0x4B5F, packet.Checksum);
        Assert.True(packet.TryGetSourceLinkLayerAddress(out MacAddress address));
        Assert.Equal(AskerMac, address);
        Assert.False(packet.TryGetTargetLinkLayerAddress(out _));
        Assert.Equal(SolicitationHeader, packet.ToHeader());
    }

    [Fact]
    public void Advertisement_parses()
    {
        NeighborDiscoveryPacket packet = View(Advertisement);
        Assert.Equal(IcmpV6Type.NeighborAdvertisement, packet.Type);
        Assert.Equal(NeighborDiscoveryFlags.Solicited | NeighborDiscoveryFlags.Override, packet.Flags);
        Assert.True(packet.TryGetTargetLinkLayerAddress(out MacAddress address));
        Assert.Equal(TargetMac, address);
        Assert.False(packet.TryGetSourceLinkLayerAddress(out _));
        Assert.Equal(AdvertisementHeader, packet.ToHeader());
    }

    [Fact]
    public void Probe_of_duplicate_address_detection_parses()
    {
        NeighborDiscoveryPacket packet = View(Probe);
        Assert.False(packet.TryGetSourceLinkLayerAddress(out _));
        Assert.True(packet.TryGetOption(NeighborDiscoveryOptionType.Nonce, out ReadOnlySpan<byte> nonce));
        Assert.Equal("0E01010203040506", Convert.ToHexString(nonce));
        Assert.Null(packet.ToHeader().LinkLayerAddress);
    }

    [Fact]
    public void Messages_are_written()
    {
        HeaderAssert.Writes(Solicitation, SolicitationHeader.TryWrite);
        HeaderAssert.Writes(Advertisement, AdvertisementHeader.TryWrite);
        HeaderAssert.Writes(Solicitation, (Span<byte> d, out int n) =>
            (SolicitationHeader with { Checksum = 1 }).TryWriteMessage(d, Asker, Group, out n));
        HeaderAssert.Writes(Advertisement, (Span<byte> d, out int n) =>
            (AdvertisementHeader with { Checksum = 1 }).TryWriteMessage(d, Target, Asker, out n));
        byte[] bare = HeaderAssert.Written((Span<byte> d, out int n) =>
            (SolicitationHeader with { LinkLayerAddress = null }).TryWriteMessage(d, default, Group, out n));
        Assert.Equal(24, bare.Length);
        Assert.True(IcmpV6Packet.TryParse(bare, out IcmpV6Packet message) && message.IsChecksumValid(default, Group));
    }

    [Fact]
    public void Messages_that_make_no_sense_are_refused()
    {
        byte[] memory = new byte[64];
        Assert.Throws<InvalidOperationException>(() => default(NeighborDiscoveryHeader).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => (SolicitationHeader with { Type = IcmpV6Type.Redirect }).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => (SolicitationHeader with { Target = Group }).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() =>
            (SolicitationHeader with { Target = ValueIPAddress.Parse("192.0.2.1") }).TryWriteMessage(memory, Asker, Group, out _));
        Assert.Throws<InvalidOperationException>(() => (SolicitationHeader with { Flags = NeighborDiscoveryFlags.Router }).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => (AdvertisementHeader with { Flags = (NeighborDiscoveryFlags)1 }).TryWrite(memory, out _));
        Assert.Equal(new byte[64], memory);
    }

    [Fact]
    public void Truncated_messages_are_refused()
    {
        for (int length = 0; length < Solicitation.Length; length++)
        {
            // Exactly 24 bytes are a message without options.
            Assert.Equal(length == 24, Parse(Solicitation.AsSpan(0, length), out WireError error));
            Assert.Equal(length == 24 ? WireError.None : WireError.Truncated, error);
        }
    }

    [Fact]
    public void Other_types_codes_and_multicast_targets_are_refused()
    {
        for (int value = 0; value < 256; value++)
        {
            byte[] changed = [.. Solicitation];
            changed[0] = (byte)value;
            Assert.Equal(value is 135 or 136, Parse(changed, out _));
            changed = [.. Solicitation];
            changed[1] = (byte)value;
            Assert.Equal(value == 0, Parse(changed, out _));
        }

        byte[] multicast = [.. Solicitation];
        multicast[8] = 0xFF;
        HeaderAssert.Refuses(WireError.Flags, multicast, Parse);
    }

    [Fact]
    public void Option_walk_ends_at_length_zero_and_at_the_end()
    {
        for (int length = 0; length < 256; length++)
        {
            byte[] changed = [.. Solicitation];
            changed[25] = (byte)length;
            WireError expected = length == 0 ? WireError.HeaderLength : length == 1 ? WireError.None : WireError.Truncated;
            Assert.Equal(expected == WireError.None, Parse(changed, out WireError error));
            Assert.Equal(expected, error);

            // The same behind a good option.
            byte[] second = [.. Solicitation, 1, (byte)length, .. new byte[6]];
            Assert.Equal(expected == WireError.None, Parse(second, out error));
            Assert.Equal(expected, error);
        }
    }

    [Fact]
    public void Link_layer_address_of_another_length_is_not_a_MAC_address()
    {
        byte[] longer = [.. Solicitation, .. new byte[8]];
        longer[25] = 2;
        NeighborDiscoveryPacket packet = View(longer);
        Assert.False(packet.TryGetSourceLinkLayerAddress(out MacAddress address));
        Assert.Equal(default, address);
    }

    [Fact]
    public void Options_in_front_are_passed_over()
    {
        byte[] message = [.. Probe, .. Solicitation[24..]];
        Assert.True(View(message).TryGetSourceLinkLayerAddress(out MacAddress address));
        Assert.Equal(AskerMac, address);
        Assert.Equal(16, View(message).Options.Length);
    }

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        Field[] fields =
        [
            new("checksum", 16, 16, b => View(b).Checksum),
            new("R", 32, 1, b => View(b).Flags.HasFlag(NeighborDiscoveryFlags.Router) ? 1u : 0),
            new("S", 33, 1, b => View(b).Flags.HasFlag(NeighborDiscoveryFlags.Solicited) ? 1u : 0),
            new("O", 34, 1, b => View(b).Flags.HasFlag(NeighborDiscoveryFlags.Override) ? 1u : 0),
            new("target", 64, 128, b => View(b).Target.ToNumber()),
            new("link-layer address", 208, 48, b => View(b).TryGetTargetLinkLayerAddress(out MacAddress address) ? address.Value : 0),
        ];
        HeaderAssert.EveryBit(Advertisement, fields, bytes => HeaderAssert.Written(View(bytes).ToHeader().TryWrite));
    }

    [Fact]
    public void Random_messages_round_trip() => HeaderAssert.RoundTrips(
        random => new NeighborDiscoveryHeader(IcmpV6Type.NeighborAdvertisement, random.NextIPv6())
        {
            Flags = (NeighborDiscoveryFlags)(random.Next(8) << 5),
            LinkLayerAddress = random.Next(2) == 0 ? null : random.NextMac(),
            Checksum = (ushort)random.Next(65536),
        },
        header => HeaderAssert.Written(header.TryWrite),
        bytes => View(bytes).ToHeader());

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows([.. Advertisement, .. Probe[24..]], bytes =>
    {
        if (!NeighborDiscoveryPacket.TryParse(bytes, out NeighborDiscoveryPacket packet))
        {
            return false;
        }

        Assert.Equal(0, packet.Options.Length % 8);
        _ = packet.TryGetSourceLinkLayerAddress(out _);
        _ = packet.TryGetTargetLinkLayerAddress(out _);
        _ = packet.TryGetOption(NeighborDiscoveryOptionType.Nonce, out _);
        return packet.ToHeader().Target == packet.Target;
    });

    [Fact]
    public void Memory_that_changes_under_a_view_does_not_move_its_bounds()
    {
        byte[] bytes = [.. Advertisement];
        NeighborDiscoveryPacket packet = View(bytes);
        bytes.AsSpan().Fill(0xFF);
        Assert.False(packet.TryGetTargetLinkLayerAddress(out _));
        bytes.AsSpan().Clear();
        Assert.False(packet.TryGetTargetLinkLayerAddress(out _));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[32];
        Allocations.Zero(() =>
        {
            if (NeighborDiscoveryPacket.TryParse(Advertisement, out NeighborDiscoveryPacket packet))
            {
                packet.ToHeader().TryWriteMessage(memory, Target, Asker, out _);
            }
        });
        Assert.Equal(Advertisement, memory);
    }

    private static bool Parse(ReadOnlySpan<byte> source, out WireError error) => NeighborDiscoveryPacket.TryParse(source, out _, out error);

    private static NeighborDiscoveryPacket View(ReadOnlySpan<byte> bytes)
    {
        Assert.True(NeighborDiscoveryPacket.TryParse(bytes, out NeighborDiscoveryPacket packet));
        return packet;
    }
}
