using System.Buffers.Binary;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class VxlanPacketTests
{
    // scapy 2.5: VXLAN(vni=0x123456)/b"\x02\x00"
    private static readonly byte[] Golden = Convert.FromHexString("08000000123456000200");

    private static readonly VxlanHeader GoldenHeader = new(new Vni(0x123456));

    // scapy 2.5: VXLAN(flags="Instance+G", gpflags="D+A", gpid=0xbeef, vni=0x123456)/b"\x02\x00"
    private static readonly byte[] GroupPolicy = Convert.FromHexString("8848BEEF123456000200");

    private static readonly VxlanHeader GroupPolicyHeader = new(new Vni(0x123456), VxlanFlags.ValidVni | VxlanFlags.GroupPolicy)
    {
        GroupPolicyFlags = VxlanGroupPolicyFlags.DontLearn | VxlanGroupPolicyFlags.PolicyApplied,
        GroupPolicyId = 0xBEEF,
    };

    [Fact]
    public void Packet_parses()
    {
        Assert.True(VxlanPacket.TryParse(Golden, out VxlanPacket packet));
        Assert.Equal(VxlanFlags.ValidVni, packet.Flags);
        Assert.Equal(0x123456u, packet.Vni.Value);
        Assert.Equal(0x0800_0000_1234_5600UL, packet.RawHeader);
        Assert.Equal("0200", Convert.ToHexString(packet.Payload));
        Assert.Equal(GoldenHeader, packet.ToHeader());
    }

    [Fact]
    public void Header_is_written() => HeaderAssert.Writes(Golden[..8], GoldenHeader.TryWrite);

    [Fact]
    public void Truncated_packets_are_refused() =>
        HeaderAssert.RefusesEveryTruncation(Golden[..8], (s, out e) => VxlanPacket.TryParse(s, out _, out e));

    [Fact]
    public void Packet_without_the_I_flag_is_refused_whatever_else_is_set()
    {
        for (int flags = 0; flags < 256; flags++)
        {
            byte[] changed = [.. Golden];
            changed[0] = (byte)flags;
            Assert.Equal((flags & 8) != 0, VxlanPacket.TryParse(changed, out VxlanPacket packet, out WireError error));
            Assert.Equal((flags & 8) != 0 ? WireError.None : WireError.Flags, error);
            if (error == WireError.None)
            {
                Assert.Equal(flags, (int)packet.Flags);
            }
        }
    }

    [Fact]
    public void Header_without_the_I_flag_or_with_reserved_bits_is_refused()
    {
        byte[] memory = new byte[8];
        Assert.Throws<InvalidOperationException>(() => default(VxlanHeader).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => new VxlanHeader().TryWrite(memory, out _));
        for (int flags = 0; flags < 256; flags++)
        {
            VxlanHeader header = GoldenHeader with { Flags = (VxlanFlags)flags };
            if (flags is not (0x08 or 0x88))
            {
                Assert.Throws<InvalidOperationException>(() => header.TryWrite(memory, out _));
            }
        }

        Assert.Equal(new byte[8], memory);
    }

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        // The bits of the RFC diagram, one by one; the I flag decides whether it parses and has its own test.
        Field[] fields =
        [
            new("G", 0, 1, b => Parse(b).Flags.HasFlag(VxlanFlags.GroupPolicy) ? 1u : 0),
            new("R in front of I", 1, 3, b => (UInt128)(((int)Parse(b).Flags >> 4) & 7)),
            new("R behind I", 5, 3, b => (UInt128)((int)Parse(b).Flags & 7)),
            new("reserved 24", 8, 24, b => (UInt128)((Parse(b).RawHeader >> 32) & 0xFF_FFFF)),
            new("VNI", 32, 24, b => Parse(b).Vni.Value),
            new("reserved 8", 56, 8, b => (UInt128)(Parse(b).RawHeader & 0xFF)),
        ];
        HeaderAssert.EveryBit(Golden, fields);
        HeaderAssert.EveryBit(Golden[..8], [fields[0], fields[4]], bytes => HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite));
    }

    // draft-smith-vxlan-group-policy-05 §2.1: |G|R|R|R|I|R|R|R|R|D|R|R|A|R|R|R|        Group Policy ID        |
    [Fact]
    public void Every_bit_of_the_group_policy_belongs_to_its_field()
    {
        Field[] written =
        [
            new("D", 9, 1, b => Parse(b).GroupPolicyFlags.HasFlag(VxlanGroupPolicyFlags.DontLearn) ? 1u : 0),
            new("A", 12, 1, b => Parse(b).GroupPolicyFlags.HasFlag(VxlanGroupPolicyFlags.PolicyApplied) ? 1u : 0),
            new("Group Policy ID", 16, 16, b => Parse(b).GroupPolicyId),
            new("VNI", 32, 24, b => Parse(b).Vni.Value),
        ];
        Field[] reserved =
        [
            new("R in front of I", 1, 3, b => (UInt128)(((int)Parse(b).Flags >> 4) & 7)),
            new("R behind I", 5, 3, b => (UInt128)((int)Parse(b).Flags & 7)),
            new("R in front of D", 8, 1, b => (UInt128)((Parse(b).RawHeader >> 55) & 1)),
            new("R between D and A", 10, 2, b => (UInt128)((Parse(b).RawHeader >> 52) & 3)),
            new("R behind A", 13, 3, b => (UInt128)((Parse(b).RawHeader >> 48) & 7)),
            new("reserved 8", 56, 8, b => (UInt128)(Parse(b).RawHeader & 0xFF)),
            new("policy flags beside D and A, none", 56, 0, b => (UInt128)(byte)Parse(b).GroupPolicyFlags & 0xB7),
        ];
        foreach (byte[] packet in (byte[][])[GroupPolicy, Convert.FromHexString("88000000123456000200"), Convert.FromHexString("8808FFFF123456000200")])
        {
            HeaderAssert.EveryBit(packet, [.. written, .. reserved]);
            HeaderAssert.EveryBit(packet[..8], written, bytes => HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite));
        }
    }

    [Fact]
    public void Group_policy_is_read_and_written()
    {
        VxlanPacket packet = Parse(GroupPolicy);
        Assert.Equal(VxlanFlags.ValidVni | VxlanFlags.GroupPolicy, packet.Flags);
        Assert.Equal(VxlanGroupPolicyFlags.DontLearn | VxlanGroupPolicyFlags.PolicyApplied, packet.GroupPolicyFlags);
        Assert.Equal((0xBEEF, 0x123456u), (packet.GroupPolicyId, packet.Vni.Value));
        Assert.Equal(GroupPolicyHeader, packet.ToHeader());
        HeaderAssert.Writes(GroupPolicy[..8], GroupPolicyHeader.TryWrite);
        HeaderAssert.Writes(
            Convert.FromHexString("8848FFFFFFFFFF00"),
            (GroupPolicyHeader with { Vni = new Vni(Vni.MaxValue), GroupPolicyId = ushort.MaxValue }).TryWrite);
    }

    [Fact]
    public void Without_the_G_flag_there_is_no_group_policy()
    {
        byte[] changed = [.. GroupPolicy];
        changed[0] = 0x08;
        VxlanPacket packet = Parse(changed);
        Assert.Equal((VxlanGroupPolicyFlags.None, 0), (packet.GroupPolicyFlags, packet.GroupPolicyId));
        Assert.Equal(GoldenHeader, packet.ToHeader());

        byte[] memory = new byte[8];
        Assert.Throws<InvalidOperationException>(() => (GoldenHeader with { GroupPolicyId = 1 }).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => (GoldenHeader with { GroupPolicyFlags = VxlanGroupPolicyFlags.DontLearn }).TryWrite(memory, out _));
        for (int flags = 0; flags < 256; flags++)
        {
            VxlanHeader header = GroupPolicyHeader with { GroupPolicyFlags = (VxlanGroupPolicyFlags)flags };
            if ((flags & 0xB7) == 0)
            {
                Assert.Equal(flags, HeaderAssert.Written(header.TryWrite)[1]);
            }
            else
            {
                Assert.Throws<InvalidOperationException>(() => header.TryWrite(memory, out _));
            }
        }

        Assert.Equal(new byte[8], memory);
    }

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => random.Next(2) == 0
            ? new VxlanHeader(new Vni((uint)random.Next(1 << 24)))
            : new VxlanHeader(new Vni((uint)random.Next(1 << 24)), VxlanFlags.ValidVni | VxlanFlags.GroupPolicy)
            {
                GroupPolicyFlags = (VxlanGroupPolicyFlags)random.Next(256) & (VxlanGroupPolicyFlags.DontLearn | VxlanGroupPolicyFlags.PolicyApplied),
                GroupPolicyId = (ushort)random.Next(65536),
            },
        header => HeaderAssert.Written(header.TryWrite),
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void Largest_VNI_is_written() =>
        HeaderAssert.Writes(Convert.FromHexString("08000000FFFFFF00"), new VxlanHeader(new Vni(Vni.MaxValue)).TryWrite);

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Golden, bytes =>
    {
        if (!VxlanPacket.TryParse(bytes, out VxlanPacket packet))
        {
            return false;
        }

        Assert.Equal(BinaryPrimitives.ReadUInt64BigEndian(bytes), packet.RawHeader);
        Assert.Equal(bytes[8..], packet.Payload.ToArray());
        return packet.ToHeader().Vni == packet.Vni;
    });

    [Fact]
    public void PacketDotNet_reads_the_same()
    {
        PacketDotNet.VxlanPacket other = new(
            new PacketDotNet.Utils.ByteArraySegment([.. HeaderAssert.Written(GoldenHeader.TryWrite), .. new byte[14]]), null);
        Assert.Equal(0x123456, (int)other.Vni);
        Assert.Equal(0x08, (int)other.Flags);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[8];
        Allocations.Zero(() =>
        {
            if (VxlanPacket.TryParse(Golden, out VxlanPacket packet))
            {
                packet.ToHeader().TryWrite(memory, out _);
            }
        });
        Assert.Equal(Golden[..8], memory);
        Allocations.Zero(() =>
        {
            if (VxlanPacket.TryParse(GroupPolicy, out VxlanPacket packet))
            {
                packet.ToHeader().TryWrite(memory, out _);
            }
        });
        Assert.Equal(GroupPolicy[..8], memory);
    }

    private static VxlanPacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(VxlanPacket.TryParse(bytes, out VxlanPacket packet));
        return packet;
    }
}
