using System.Buffers.Binary;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class NshPacketTests
{
    // scapy 2.5: NSH(ttl=0x2a, length=2, mdtype=2, nextproto=3, spi=0x123456, si=0xfe)/b"\x02\x00"
    private static readonly byte[] Golden = Convert.FromHexString("0A820203123456FE0200");

    // scapy 2.5: NSH(mdtype=1, nextproto=3, spi=1, si=255), and an IPv4 header's first two bytes.
    private static readonly byte[] FixedLength = Convert.FromHexString("0FC60103000001FF000000000000000000000000000000004500");

    [Fact]
    public void Packet_parses()
    {
        NshPacket packet = Parse(Golden);
        Assert.Equal((0, false, 0x2A, 8), (packet.Version, packet.IsOam, packet.TimeToLive, packet.HeaderLength));
        Assert.Equal((NshMetadataType.VariableLength, NshNextProtocol.Ethernet), (packet.MetadataType, packet.NextProtocol));
        Assert.Equal((0x123456u, 0xFE), (packet.ServicePathIdentifier, (int)packet.ServiceIndex));
        Assert.True(packet.Context.IsEmpty);
        Assert.Equal("0200", Convert.ToHexString(packet.Payload));

        packet = Parse(FixedLength);
        Assert.Equal((63, 24, NshMetadataType.FixedLength), (packet.TimeToLive, packet.HeaderLength, packet.MetadataType));
        Assert.Equal((1u, 0xFF), (packet.ServicePathIdentifier, (int)packet.ServiceIndex));
        Assert.Equal(16, packet.Context.Length);
        Assert.Equal("4500", Convert.ToHexString(packet.Payload));
    }

    [Fact]
    public void Truncated_packets_are_refused()
    {
        HeaderAssert.RefusesEveryTruncation(Golden[..8], Parse);
        HeaderAssert.RefusesEveryTruncation(FixedLength[..24], Parse);
    }

    [Fact]
    public void Unknown_versions_are_refused()
    {
        for (int version = 1; version < 4; version++)
        {
            byte[] changed = [.. Golden];
            changed[0] |= (byte)(version << 6);
            HeaderAssert.Refuses(WireError.Version, changed, Parse);
        }
    }

    [Fact]
    public void Length_must_fit_the_metadata_type_and_the_bytes()
    {
        foreach (int available in (int[])[20, 24, 252])
        {
            byte[] packet = new byte[available];
            Golden.CopyTo(packet, 0);
            for (int type = 0; type < 16; type++)
            {
                for (int words = 0; words < 64; words++)
                {
                    packet[1] = (byte)(0x80 | words);
                    packet[2] = (byte)type;
                    WireError expected = type == 0 ? WireError.Unsupported
                        : words < 2 || (type == 1 && words != 6) ? WireError.HeaderLength
                        : words * 4 > available ? WireError.Truncated
                        : WireError.None;
                    Assert.Equal(expected == WireError.None, NshPacket.TryParse(packet, out NshPacket nsh, out WireError error));
                    Assert.Equal(expected, error);
                    if (error == WireError.None)
                    {
                        Assert.Equal((words * 4, type, available - (words * 4)), (nsh.HeaderLength, (int)nsh.MetadataType, nsh.Payload.Length));
                    }
                }
            }
        }
    }

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        // Not in the table: version, length and metadata type, which decide whether it parses, and have their own tests.
        HeaderAssert.EveryBit(
            Golden,
            [
                new("O", 2, 1, b => Parse(b).IsOam ? 1u : 0),
                new("TTL", 4, 6, b => (UInt128)Parse(b).TimeToLive),
                new("next protocol", 24, 8, b => (byte)Parse(b).NextProtocol),
                new("SPI", 32, 24, b => Parse(b).ServicePathIdentifier),
                new("service index", 56, 8, b => Parse(b).ServiceIndex),
            ]);
        // Unassigned bits are ignored.
        foreach (int bit in (int[])[3, 16, 17, 18, 19])
        {
            byte[] changed = [.. Golden];
            changed[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            Assert.Equal(Describe(Parse(Golden)), Describe(Parse(changed)));
        }
    }

    [Fact]
    public void Largest_values_are_read()
    {
        byte[] packet = new byte[252];
        packet.AsSpan().Fill(0xFF);
        packet[0] = 0x3F;
        NshPacket nsh = Parse(packet);
        Assert.Equal((0, true, 63, 252, (NshMetadataType)15, (NshNextProtocol)255, 0xFFFFFFu, (byte)255), Describe(nsh));
        Assert.Equal((244, 0), (nsh.Context.Length, nsh.Payload.Length));
    }

    [Fact]
    public void Random_headers_are_read()
    {
        Random random = new(42);
        for (int i = 0; i < 10_000; i++)
        {
            // The fields by their values, put together as the diagram says.
            bool oam = random.Next(2) == 1;
            int ttl = random.Next(64), words = random.Next(2, 16), type = random.Next(2, 16), next = random.Next(256), index = random.Next(256);
            uint path = (uint)random.Next(1 << 24);
            byte[] packet = new byte[words * 4];
            BinaryPrimitives.WriteUInt32BigEndian(packet, (oam ? 1u << 29 : 0) | ((uint)ttl << 22) | ((uint)words << 16) | ((uint)type << 8) | (uint)next);
            BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(4), (path << 8) | (uint)index);
            Assert.Equal((0, oam, ttl, words * 4, (NshMetadataType)type, (NshNextProtocol)next, path, (byte)index), Describe(Parse(packet)));
        }
    }

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(FixedLength, bytes =>
    {
        if (!NshPacket.TryParse(bytes, out NshPacket packet))
        {
            return false;
        }

        Assert.Equal(bytes.Length, 8 + packet.Context.Length + packet.Payload.Length);
        return Describe(packet).HeaderLength == packet.HeaderLength;
    });

    [Fact]
    public void Memory_that_changes_under_the_view_makes_nothing_throw()
    {
        byte[] bytes = [.. FixedLength];
        NshPacket packet = Parse(bytes);
        bytes.AsSpan().Fill(0xFF);
        Assert.Equal((24, 16, 2), (packet.HeaderLength, packet.Context.Length, packet.Payload.Length));
        Assert.Equal(3, Describe(packet).Version);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        int length = 0;
        Allocations.Zero(() =>
        {
            if (NshPacket.TryParse(FixedLength, out NshPacket packet))
            {
                length = packet.Context.Length + packet.Payload.Length;
            }
        });
        Assert.Equal(18, length);
    }

    private static (int Version, bool IsOam, int TimeToLive, int HeaderLength, NshMetadataType Type, NshNextProtocol Next, uint Path, byte Index) Describe(
        NshPacket packet) =>
        (packet.Version, packet.IsOam, packet.TimeToLive, packet.HeaderLength, packet.MetadataType, packet.NextProtocol, packet.ServicePathIdentifier, packet.ServiceIndex);

    private static bool Parse(ReadOnlySpan<byte> source, out WireError error) => NshPacket.TryParse(source, out _, out error);

    private static NshPacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(NshPacket.TryParse(bytes, out NshPacket packet, out WireError error), error.ToString());
        return packet;
    }
}
