using System.Buffers;
using System.Buffers.Binary;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

public sealed class DecapsulatorTests
{
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.2");
    private static readonly ValueIPAddress RemoteIPv6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress LocalIPv6 = ValueIPAddress.Parse("2001:db8::2");

    // From "base" of the kernel vectors, outer UDP checksum zero: VNI 100, an inner UDP packet of 50 bytes with its Ethernet header.
    private static readonly byte[] Plain = KernelVxlanVectors.Load().Decap.Single(row => row.Name == "base").Packet;

    private static readonly byte[] Frame = Plain[36..];

    [Fact]
    public void Vxlan_over_IPv4_is_taken_apart()
    {
        byte[] padded = [.. Plain, 1, 2, 3];
        Assert.True(Decapsulator.TryDecapsulate(padded, TunnelKind.Vxlan, 4789, out Decapsulated inner, out DropReason reason));
        Assert.Equal(DropReason.None, reason);
        Assert.True(inner.IsOuterIPv4);
        Assert.Equal((ValueIPAddress.Parse("10.0.0.1"), ValueIPAddress.Parse("10.0.0.2")), (inner.Remote, inner.Local));
        Assert.Equal((0xC350, 100u, 0x0800_0000_0000_6400UL), (inner.SourcePort, inner.Vni.Value, inner.Header));
        Assert.Equal((IPProtocol.Udp, 0, 64), (inner.Protocol, inner.TrafficClass, inner.Ttl));
        Assert.Equal(36, inner.PayloadOffset);
        Assert.Equal(Frame, inner.Payload.ToArray());
    }

    [Fact]
    public void Vxlan_over_IPv6_is_taken_apart()
    {
        byte[] packet = PacketBuilder.Udp(RemoteIPv6, LocalIPv6, 50000, 4789, Plain.AsSpan(28), 0xB9, 7);
        Assert.True(Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4789, out Decapsulated inner, out _));
        Assert.False(inner.IsOuterIPv4);
        Assert.Equal((RemoteIPv6, LocalIPv6, 50000, 100u), (inner.Remote, inner.Local, inner.SourcePort, inner.Vni.Value));
        Assert.Equal((IPProtocol.Udp, 0xB9, 7, 56), (inner.Protocol, inner.TrafficClass, inner.Ttl, inner.PayloadOffset));
        Assert.Equal(Frame, inner.Payload.ToArray());
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void IP_in_IP_is_taken_apart_one_level(bool outerIPv6, bool innerIPv6)
    {
        byte[] innermost = PacketBuilder.IP(Remote, Local, (IPProtocol)253, [1, 2, 3]);
        byte[] middle = innerIPv6
            ? PacketBuilder.IP(RemoteIPv6, LocalIPv6, IPProtocol.IPv4, innermost)
            : PacketBuilder.IP(Remote, Local, IPProtocol.IPv4, innermost);
        byte[] packet = Wrap(outerIPv6, innerIPv6 ? IPProtocol.IPv6 : IPProtocol.IPv4, middle);
        Assert.True(Decapsulator.TryDecapsulate(packet, TunnelKind.IPInIP, 0, out Decapsulated inner, out _));
        Assert.Equal(outerIPv6 ? (RemoteIPv6, LocalIPv6) : (Remote, Local), (inner.Remote, inner.Local));
        Assert.Equal((innerIPv6 ? IPProtocol.IPv6 : IPProtocol.IPv4, 3, 9), (inner.Protocol, inner.TrafficClass, inner.Ttl));
        Assert.Equal((0, 0u, 0UL), (inner.SourcePort, inner.Vni.Value, inner.Header));
        Assert.Equal(outerIPv6 ? 40 : 20, inner.PayloadOffset);
        Assert.Equal(middle, inner.Payload.ToArray());
    }

    [Fact]
    public void Truncated_packets_are_refused_with_the_right_reason()
    {
        for (int length = 0; length < Plain.Length; length++)
        {
            Refuses(length < 20 ? DropReason.Truncated : DropReason.BadLength, Plain[..length]);
        }

        byte[] ipv6 = PacketBuilder.Udp(RemoteIPv6, LocalIPv6, 50000, 4789, Plain.AsSpan(28));
        for (int length = 0; length < ipv6.Length; length++)
        {
            Refuses(length < 40 ? DropReason.Truncated : DropReason.BadLength, ipv6[..length]);
        }

        byte[] options = WithOptions(new byte[12]);
        for (int length = 0; length < options.Length; length++)
        {
            Refuses(length < 32 ? DropReason.Truncated : DropReason.BadLength, options[..length]);
        }
    }

    [Fact]
    public void Packets_that_end_early_by_their_own_account_are_refused_with_the_right_reason()
    {
        for (int payload = 0; payload <= 8 + 8 + 14; payload++)
        {
            byte[] ip = PacketBuilder.IP(Remote, Local, IPProtocol.Udp, Plain.AsSpan(20, payload));
            if (payload >= 8)
            {
                BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(24), (ushort)payload);
            }

            Refuses(payload < 16 ? DropReason.Truncated : payload < 30 ? DropReason.InnerTruncated : DropReason.None, ip);
        }

        for (int length = 0; length < 20; length++)
        {
            Refuses(DropReason.InnerTruncated, Wrap(false, IPProtocol.IPv4, Plain.AsSpan(0, length)), TunnelKind.IPInIP);
        }

        for (int length = 0; length < 40; length++)
        {
            byte[] inner = PacketBuilder.IP(RemoteIPv6, LocalIPv6, (IPProtocol)253, []);
            Refuses(DropReason.InnerTruncated, Wrap(true, IPProtocol.IPv6, inner.AsSpan(0, length)), TunnelKind.IPInIP);
        }
    }

    [Fact]
    public void Versions_must_be_what_was_announced()
    {
        for (int version = 0; version < 16; version++)
        {
            byte[] changed = [.. Plain];
            changed[0] = (byte)((version << 4) | 5);
            // An IPv4 packet that is read as IPv6 has a payload length of 1.
            Refuses(version == 4 ? DropReason.None : version == 6 ? DropReason.NotTunnel : DropReason.BadVersion, changed);

            byte[] inner = [.. Plain];
            inner[0] = (byte)((version << 4) | 5);
            Refuses(version == 4 ? DropReason.None : DropReason.BadVersion, Wrap(false, IPProtocol.IPv4, inner), TunnelKind.IPInIP);
            Refuses(version == 6 ? DropReason.None : DropReason.BadVersion, Wrap(true, IPProtocol.IPv6, inner), TunnelKind.IPInIP);
        }
    }

    [Fact]
    public void Header_lengths_must_fit()
    {
        for (int words = 0; words < 16; words++)
        {
            byte[] changed = [.. Plain];
            changed[0] = (byte)(0x40 | words);
            FixChecksum(changed);
            DropReason expected = words < 5 ? DropReason.BadLength : words == 5 ? DropReason.None : DropReason.NotTunnel;
            // Beyond five words the "options" are the UDP header, and what is then read as UDP is not for the port.
            Assert.False(words != 5 && Decapsulator.TryDecapsulate(changed, TunnelKind.Vxlan, 4789, out _, out _));
            Decapsulator.TryDecapsulate(changed, TunnelKind.Vxlan, 4789, out _, out DropReason reason);
            Assert.Equal(expected, reason);
        }

        for (int total = 0; total <= Plain.Length + 10; total++)
        {
            byte[] changed = [.. Plain];
            BinaryPrimitives.WriteUInt16BigEndian(changed.AsSpan(2), (ushort)total);
            FixChecksum(changed);
            Refuses(total is < 20 ? DropReason.BadLength : total < 28 ? DropReason.Truncated : total == Plain.Length ? DropReason.None : DropReason.BadLength, changed);
        }
    }

    [Fact]
    public void Options_are_passed_over()
    {
        for (int length = 0; length <= 40; length += 4)
        {
            byte[] packet = WithOptions(new byte[length]);
            Assert.True(Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4789, out Decapsulated inner, out _));
            Assert.Equal((36 + length, 0xC350, 100u), (inner.PayloadOffset, inner.SourcePort, inner.Vni.Value));
            Assert.Equal(Frame, inner.Payload.ToArray());
        }
    }

    [Fact]
    public void Every_bit_of_the_outer_IPv4_header_counts()
    {
        for (int bit = 0; bit < 160; bit++)
        {
            byte[] changed = [.. Plain];
            changed[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            Assert.False(Decapsulator.TryDecapsulate(changed, TunnelKind.Vxlan, 4789, out _, out DropReason reason), $"bit {bit}");
            if (bit >= 32)
            {
                Assert.Equal(DropReason.BadChecksum, reason);
            }
        }
    }

    [Fact]
    public void Outer_fragments_are_not_tunnel_packets()
    {
        for (int bit = 0; bit < 16; bit++)
        {
            byte[] changed = [.. Plain];
            BinaryPrimitives.WriteUInt16BigEndian(changed.AsSpan(6), (ushort)(1 << bit));
            FixChecksum(changed);
            // Reserved and DF are no fragments.
            Refuses(bit >= 14 ? DropReason.None : DropReason.NotTunnel, changed);
        }

        ReadOnlySpan<byte> udp = PacketBuilder.Udp(RemoteIPv6, LocalIPv6, 50000, 4789, Plain.AsSpan(28)).AsSpan(40);
        Refuses(DropReason.None, PacketBuilder.IP(RemoteIPv6, LocalIPv6, IPProtocol.FragmentHeader, [17, 0, 0, 0, 1, 2, 3, 4, .. udp]));
        Refuses(DropReason.NotTunnel, PacketBuilder.IP(RemoteIPv6, LocalIPv6, IPProtocol.FragmentHeader, [17, 0, 0, 1, 1, 2, 3, 4, .. udp]));
        Refuses(DropReason.NotTunnel, PacketBuilder.IP(RemoteIPv6, LocalIPv6, IPProtocol.FragmentHeader, [17, 0, 0, 8, 1, 2, 3, 4, .. udp]));
    }

    [Fact]
    public void IPv6_extension_headers_are_walked()
    {
        ReadOnlySpan<byte> udp = PacketBuilder.Udp(RemoteIPv6, LocalIPv6, 50000, 4789, Plain.AsSpan(28)).AsSpan(40);
        byte[] chain = [60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0];
        byte[] packet = PacketBuilder.IP(RemoteIPv6, LocalIPv6, IPProtocol.HopByHopOptions, [.. chain, .. udp]);
        Assert.True(Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4789, out Decapsulated inner, out _));
        Assert.Equal((72, 50000), (inner.PayloadOffset, inner.SourcePort));
        Assert.Equal(Frame, inner.Payload.ToArray());

        // The tunnel encapsulation limit that Linux writes (RFC 2473 §4.1.1).
        byte[] limit = PacketBuilder.IP(RemoteIPv6, LocalIPv6, IPProtocol.DestinationOptions, [4, 0, 4, 1, 4, 1, 1, 0, .. Plain]);
        Assert.True(Decapsulator.TryDecapsulate(limit, TunnelKind.IPInIP, 0, out inner, out _));
        Assert.Equal(Plain, inner.Payload.ToArray());

        chain[9] = 255;
        Refuses(DropReason.NotTunnel, PacketBuilder.IP(RemoteIPv6, LocalIPv6, IPProtocol.HopByHopOptions, [.. chain, .. udp]));
    }

    [Fact]
    public void Other_protocols_and_ports_are_not_tunnel_packets()
    {
        for (int protocol = 0; protocol < 256; protocol++)
        {
            byte[] changed = [.. Plain];
            changed[9] = (byte)protocol;
            FixChecksum(changed);
            Refuses(protocol == 17 ? DropReason.None : DropReason.NotTunnel, changed);
            if (protocol is not (4 or 41))
            {
                Refuses(DropReason.NotTunnel, changed, TunnelKind.IPInIP);
            }
        }

        Assert.False(Decapsulator.TryDecapsulate(Plain, TunnelKind.Vxlan, 8472, out _, out DropReason reason));
        Assert.Equal(DropReason.NotTunnel, reason);
        Assert.False(Decapsulator.TryDecapsulate(Plain, TunnelKind.Vxlan, 0, out _, out reason));
        Assert.Equal(DropReason.NotTunnel, reason);
    }

    [Fact]
    public void Udp_length_bounds_the_payload()
    {
        for (int length = 0; length <= Plain.Length; length++)
        {
            byte[] changed = [.. Plain];
            BinaryPrimitives.WriteUInt16BigEndian(changed.AsSpan(24), (ushort)length);
            DropReason expected = length is < 8 || length > Plain.Length - 20 ? DropReason.BadLength
                : length < 16 ? DropReason.Truncated
                : length < 30 ? DropReason.InnerTruncated
                : DropReason.None;
            Refuses(expected, changed);
            if (expected == DropReason.None)
            {
                Decapsulator.TryDecapsulate(changed, TunnelKind.Vxlan, 4789, out Decapsulated inner, out _);
                Assert.Equal(length - 16, inner.Payload.Length);
            }
        }
    }

    [Fact]
    public void Udp_checksum_is_verified_as_the_options_say()
    {
        byte[] right = PacketBuilder.Udp(Remote, Local, 50000, 4789, Plain.AsSpan(28));
        byte[] wrong = [.. right];
        wrong[^1] ^= 1;
        Refuses(DropReason.None, right);
        Refuses(DropReason.BadChecksum, wrong);
        Refuses(DropReason.None, wrong, options: DecapsulationOptions.SkipUdpChecksum);
        Refuses(DropReason.None, Plain, options: DecapsulationOptions.SkipUdpChecksum);

        byte[] rightIPv6 = PacketBuilder.Udp(RemoteIPv6, LocalIPv6, 50000, 4789, Plain.AsSpan(28));
        byte[] wrongIPv6 = [.. rightIPv6], zeroIPv6 = [.. rightIPv6];
        wrongIPv6[^1] ^= 1;
        zeroIPv6[46] = zeroIPv6[47] = 0;
        Refuses(DropReason.None, rightIPv6);
        Refuses(DropReason.BadChecksum, wrongIPv6);
        Refuses(DropReason.BadChecksum, zeroIPv6);
        Refuses(DropReason.BadChecksum, zeroIPv6, options: DecapsulationOptions.SkipUdpChecksum);
        Refuses(DropReason.None, wrongIPv6, options: DecapsulationOptions.SkipUdpChecksum);
        Refuses(DropReason.None, zeroIPv6, options: DecapsulationOptions.AcceptZeroUdpChecksumIPv6);
        Refuses(DropReason.None, rightIPv6, options: DecapsulationOptions.AcceptZeroUdpChecksumIPv6);
        Refuses(DropReason.BadChecksum, wrongIPv6, options: DecapsulationOptions.AcceptZeroUdpChecksumIPv6);
    }

    [Fact]
    public void I_flag_must_be_set_and_reserved_bits_are_left_to_the_policy()
    {
        for (int bit = 0; bit < 64; bit++)
        {
            byte[] changed = [.. Plain];
            changed[28 + (bit / 8)] ^= (byte)(0x80 >> (bit % 8));
            Refuses(bit == 4 ? DropReason.BadFlags : DropReason.None, changed);
            if (bit != 4)
            {
                Decapsulator.TryDecapsulate(changed, TunnelKind.Vxlan, 4789, out Decapsulated inner, out _);
                Assert.Equal(0x0800_0000_0000_6400UL ^ (1UL << (63 - bit)), inner.Header);
            }
        }
    }

    [Fact]
    public void Short_cut_and_step_by_step_agree_on_any_bytes()
    {
        Random random = new(4711);
        byte[][] seeds =
        [
            Plain,
            WithOptions(new byte[8]),
            PacketBuilder.Udp(Remote, Local, 50000, 4789, Plain.AsSpan(28)),
            PacketBuilder.Udp(RemoteIPv6, LocalIPv6, 50000, 4789, Plain.AsSpan(28)),
            Wrap(false, IPProtocol.IPv4, Plain),
            Wrap(true, IPProtocol.IPv4, Plain),
        ];
        int taken = 0, refused = 0;
        for (int i = 0; i < 60_000; i++)
        {
            byte[] packet = [.. seeds[i % seeds.Length], .. new byte[random.Next(3)]];
            for (int changes = random.Next(4); changes > 0; changes--)
            {
                packet[random.Next(random.Next(2) == 0 ? 40 : packet.Length)] ^= (byte)(1 << random.Next(8));
            }

            if (random.Next(2) == 0 && packet[0] == 0x45)
            {
                FixChecksum(packet);
            }

            if (random.Next(8) == 0)
            {
                packet = packet[..random.Next(packet.Length + 1)];
            }

            TunnelKind kind = random.Next(4) == 0 ? TunnelKind.IPInIP : TunnelKind.Vxlan;
            var options = (DecapsulationOptions)random.Next(4);
            bool success = Decapsulator.TryDecapsulate(packet, kind, 4789, options, out Decapsulated fast, out DropReason reason);
            Assert.Equal(Decapsulator.Examine(packet, kind, 4789, options, out Decapsulated slow), reason);
            Assert.Equal(success, reason == DropReason.None);
            if (success)
            {
                taken++;
                Assert.Equal((slow.Remote, slow.Local, slow.SourcePort, slow.Header), (fast.Remote, fast.Local, fast.SourcePort, fast.Header));
                Assert.Equal((slow.TrafficClass, slow.Ttl, slow.Protocol, slow.PayloadOffset), (fast.TrafficClass, fast.Ttl, fast.Protocol, fast.PayloadOffset));
                Assert.True(slow.Payload.SequenceEqual(fast.Payload));
            }
            else
            {
                refused++;
            }
        }

        Assert.True(taken > 5000 && refused > 5000, $"{taken} taken, {refused} refused");
    }

    [Fact]
    public void Header_checksum_in_three_reads_is_the_one_of_the_slow_way()
    {
        Random random = new(42);
        byte[] header = new byte[20];
        for (int i = 0; i < 100_000; i++)
        {
            random.NextBytes(header);
            if (i % 3 != 0)
            {
                // All ones and zeros are where carries go wrong.
                int start = random.Next(20);
                header.AsSpan(start).Fill((byte)(i % 2 == 0 ? 0xFF : 0));
            }

            header[0] = 0x45;
            if (i % 2 == 0)
            {
                header[10] = header[11] = 0;
                BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(10), PacketBuilder.Checksum(header, 0));
            }

            Assert.Equal(PacketBuilder.Checksum(header, 0) == 0, Decapsulator.IsHeaderChecksumValid(header));
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] checksummed = PacketBuilder.Udp(RemoteIPv6, LocalIPv6, 50000, 4789, Plain.AsSpan(28));
        byte[] nested = Wrap(false, IPProtocol.IPv4, Plain);
        int taken = 0;
        Allocations.Zero(() =>
        {
            taken += Decapsulator.TryDecapsulate(Plain, TunnelKind.Vxlan, 4789, out Decapsulated inner, out _) && !inner.Remote.IsUnspecified ? 1 : 0;
            taken += Decapsulator.TryDecapsulate(checksummed, TunnelKind.Vxlan, 4789, out inner, out _) && !inner.Local.IsUnspecified ? 1 : 0;
            taken += Decapsulator.TryDecapsulate(nested, TunnelKind.IPInIP, 0, out inner, out _) && !inner.Payload.IsEmpty ? 1 : 0;
            taken += Decapsulator.TryDecapsulate(nested, TunnelKind.Vxlan, 4789, out _, out _) ? 1000 : 0;
        });
        Assert.True(taken > 0 && taken % 3 == 0 && taken < 1000);
    }

    /// <summary>Takes or refuses it, with and without bytes behind it.</summary>
    private static void Refuses(
        DropReason expected, byte[] packet, TunnelKind kind = TunnelKind.Vxlan, DecapsulationOptions options = DecapsulationOptions.None)
    {
        bool taken = Decapsulator.TryDecapsulate(packet, kind, 4789, options, out _, out DropReason reason);
        Assert.Equal(expected, reason);
        Assert.Equal(expected == DropReason.None, taken);
    }

    private static byte[] WithOptions(byte[] options)
    {
        byte[] packet = [.. Plain[..20], .. options, .. Plain[20..]];
        options.AsSpan().Fill(1);
        packet[0] = (byte)(0x45 + (options.Length / 4));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        FixChecksum(packet);
        return packet;
    }

    private static byte[] Wrap(bool ipv6, IPProtocol protocol, ReadOnlySpan<byte> inner) =>
        PacketBuilder.IP(ipv6 ? RemoteIPv6 : Remote, ipv6 ? LocalIPv6 : Local, protocol, inner, 3, 9);

    private static void FixChecksum(Span<byte> packet)
    {
        packet[10] = packet[11] = 0;
        int length = Math.Min(packet.Length, (packet[0] & 0xF) * 4);
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], PacketBuilder.Checksum(packet[..length], 0));
    }
}
