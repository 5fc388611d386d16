using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class IPEditingTests
{
    private static readonly IPv4Header Header4 = new(ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("198.51.100.7"), IPProtocol.Udp);

    private static readonly IPv6Header Header6 = new(ValueIPAddress.Parse("2001:db8::1"), ValueIPAddress.Parse("2001:db8::2"), IPProtocol.Udp)
    {
        FlowLabel = 0xA5A5A,
    };

    [Fact]
    public void All_traffic_classes_and_ecn_fields_as_if_written_anew()
    {
        for (int before = 0; before < 256; before++)
        {
            for (int after = 0; after < 256; after++)
            {
                byte[] packet = HeaderAssert.Written((Header4 with { TrafficClass = (byte)before, Identification = (ushort)(before * 257) }).TryWrite);
                IPv4Editing.SetTrafficClass(packet, (byte)after);
                Assert.True(HeaderAssert.Written(
                    (Header4 with { TrafficClass = (byte)after, Identification = (ushort)(before * 257) }).TryWrite).AsSpan().SequenceEqual(packet));

                packet = HeaderAssert.Written((Header6 with { TrafficClass = (byte)before }).TryWrite);
                IPv6Editing.SetTrafficClass(packet, (byte)after);
                Assert.True(HeaderAssert.Written((Header6 with { TrafficClass = (byte)after }).TryWrite).AsSpan().SequenceEqual(packet));
            }

            foreach (Ecn ecn in Enum.GetValues<Ecn>())
            {
                byte expected = (byte)((before & 0xFC) | (int)ecn);
                byte[] packet = HeaderAssert.Written((Header4 with { TrafficClass = (byte)before }).TryWrite);
                IPv4Editing.SetEcn(packet, ecn);
                Assert.Equal(HeaderAssert.Written((Header4 with { TrafficClass = expected }).TryWrite), packet);

                packet = HeaderAssert.Written((Header6 with { TrafficClass = (byte)before }).TryWrite);
                IPv6Editing.SetEcn(packet, ecn);
                Assert.Equal(HeaderAssert.Written((Header6 with { TrafficClass = expected }).TryWrite), packet);
            }
        }
    }

    [Fact]
    public void Every_time_to_live_with_every_identification_stays_valid()
    {
        // The identification runs through all 65 536 values, and with it the checksum: the corner of 0x0000 and 0xFFFF is among them.
        for (int identification = 0; identification < 65536; identification++)
        {
            IPv4Header header = Header4 with { Identification = (ushort)identification, TimeToLive = (byte)identification };
            byte[] packet = HeaderAssert.Written(header.TryWrite);
            byte[] before = [.. packet];
            bool decremented = IPv4Editing.TryDecrementTtl(packet);
            Assert.Equal(header.TimeToLive > 1, decremented);
            byte[] expected = decremented ? HeaderAssert.Written((header with { TimeToLive = (byte)(header.TimeToLive - 1) }).TryWrite) : before;
            Assert.True(expected.AsSpan().SequenceEqual(packet));
        }

        for (int hopLimit = 0; hopLimit < 256; hopLimit++)
        {
            byte[] packet = HeaderAssert.Written((Header6 with { HopLimit = (byte)hopLimit }).TryWrite);
            Assert.Equal(hopLimit > 1, IPv6Editing.TryDecrementTtl(packet));
            Assert.Equal(HeaderAssert.Written((Header6 with { HopLimit = (byte)(hopLimit > 1 ? hopLimit - 1 : hopLimit) }).TryWrite), packet);
        }
    }

    [Fact]
    public void Wrong_checksum_stays_wrong()
    {
        byte[] packet = HeaderAssert.Written(Header4.TryWrite);
        packet[11] ^= 0x10;
        Assert.False(InternetChecksum.IsValid(packet));
        IPv4Editing.SetEcn(packet, Ecn.Ce);
        Assert.True(IPv4Editing.TryDecrementTtl(packet));
        Assert.Equal(HeaderAssert.Written((Header4 with { TrafficClass = 3, TimeToLive = 63 }).TryWrite)[..10], packet[..10]);
        Assert.False(InternetChecksum.IsValid(packet));
    }

    [Fact]
    public void Too_few_bytes_are_the_callers_mistake_and_stay_as_they_are()
    {
        byte[] packet = HeaderAssert.Written(Header4.TryWrite)[..19];
        byte[] before = [.. packet];
        Assert.Throws<ArgumentOutOfRangeException>(() => IPv4Editing.SetEcn(packet, Ecn.Ce));
        Assert.Throws<ArgumentOutOfRangeException>(() => IPv4Editing.SetTrafficClass(packet, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => IPv4Editing.TryDecrementTtl(packet));
        Assert.Equal(before, packet);

        packet = HeaderAssert.Written(Header6.TryWrite)[..39];
        before = [.. packet];
        Assert.Throws<ArgumentOutOfRangeException>(() => IPv6Editing.SetEcn(packet, Ecn.Ce));
        Assert.Throws<ArgumentOutOfRangeException>(() => IPv6Editing.SetTrafficClass(packet, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => IPv6Editing.TryDecrementTtl(packet));
        Assert.Equal(before, packet);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] packet4 = HeaderAssert.Written(Header4.TryWrite);
        byte[] packet6 = HeaderAssert.Written(Header6.TryWrite);
        Allocations.Zero(() =>
        {
            IPv4Editing.SetEcn(packet4, Ecn.Ect0);
            IPv4Editing.TryDecrementTtl(packet4);
            IPv6Editing.SetEcn(packet6, Ecn.Ect0);
            IPv6Editing.TryDecrementTtl(packet6);
        });
        Assert.Equal((1, 1), (packet4[8], packet6[7]));
        Assert.True(InternetChecksum.IsValid(packet4));
    }

    [Fact]
    public void Another_source_makes_the_header_that_would_have_been_written_for_it()
    {
        Random random = new(4);
        ValueIPAddress destination4 = ValueIPAddress.Parse("192.0.2.2"), destination6 = ValueIPAddress.Parse("2001:db8::2");
        for (int i = 0; i < 2000; i++)
        {
            ValueIPAddress Address(int length)
            {
                byte[] bytes = new byte[length];
                random.NextBytes(bytes);
                bytes[0] = 0x2A;
                return new ValueIPAddress(bytes);
            }

            (ValueIPAddress before4, ValueIPAddress after4) = (Address(4), Address(4));
            byte[] packet = PacketBuilder.IP(before4, destination4, IPProtocol.Gre, [1, 2, 3], (byte)i, identification: (ushort)random.Next());
            IPv4Editing.SetSource(packet, after4);
            Assert.Equal(
                (after4, 0, "010203"),
                (ValueIPAddress.ReadIPv4(packet.AsSpan(12)), PacketBuilder.Checksum(packet.AsSpan(0, 20), 0), Convert.ToHexString(packet.AsSpan(20))));
            IPv4Editing.SetSource(packet, before4);
            Assert.Equal(0, PacketBuilder.Checksum(packet.AsSpan(0, 20), 0));

            ValueIPAddress after6 = Address(16);
            packet = PacketBuilder.IP(Address(16), destination6, IPProtocol.Gre, [1, 2, 3], (byte)i);
            IPv6Editing.SetSource(packet, after6);
            Assert.Equal(PacketBuilder.IP(after6, destination6, IPProtocol.Gre, [1, 2, 3], (byte)i), packet);
        }

        Assert.Throws<ArgumentException>(() => IPv4Editing.SetSource(new byte[20], destination6));
        Assert.Throws<ArgumentException>(() => IPv6Editing.SetSource(new byte[40], destination4));
        Assert.Throws<ArgumentOutOfRangeException>(() => IPv4Editing.SetSource(new byte[19], destination4));
        Assert.Throws<ArgumentOutOfRangeException>(() => IPv6Editing.SetSource(new byte[39], destination6));
    }
}
