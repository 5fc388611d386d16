using System.Buffers.Binary;
using CsCheck;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Tests.Properties;
using Xunit;
using static Overlay.Tests.DataPath.NeighborFrames;

namespace Overlay.Tests.DataPath;

/// <summary>
/// Frames of ARP and neighbour discovery with bytes changed at random, beside the rules written down once more in the most obvious way, by offsets: which are
/// answered, and that nothing throws whatever stands in them.
/// </summary>
public sealed class NeighborSuppressionTwinTests
{
    private static readonly ValueIPAddress Zero = ValueIPAddress.Parse("0.0.0.0");
    private static readonly ValueIPAddress CertainAddress = ValueIPAddress.Parse("10.244.0.3");
    private static readonly ValueIPAddress CertainAddress6 = ValueIPAddress.Parse("fd00:244::3");
    private static readonly ValueIPAddress UnreachableAddress = ValueIPAddress.Parse("10.244.0.4");
    private static readonly MacAddress CertainMac = MacAddress.Parse("02:00:00:00:00:03");
    private static readonly MacAddress UnreachableMac = MacAddress.Parse("02:00:00:00:00:04");

    private static readonly byte[][] Bases =
    [
        PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB),
        PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, CertainAddress),
        PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, UnreachableAddress),
        PacketBuilder.ArpRequest(TunnelRig.Mac, Zero, CertainAddress),
        PacketBuilder.ArpRequest(TunnelRig.Mac, Zero, TunnelRig.InnerB),
        Arp(MacAddress.Broadcast, 2, TunnelRig.MacB, TunnelRig.InnerB, MacAddress.Broadcast, TunnelRig.InnerB),
        Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6),
        Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, CertainAddress6),
        Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6, withOption: false),
        Solicitation(TunnelRig.Mac, Unspecified6, CertainAddress6, withOption: false),
        Solicitation(TunnelRig.Mac, Unspecified6, TunnelRig.InnerB6, withOption: false),
        Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB),
        Advertisement(TunnelRig.MacB, TunnelRig.InnerB6),
    ];

    // Bytes that mean something somewhere, and any other.
    private static readonly byte[] Telling = [0, 1, 2, 3, 4, 8, 0xFF, 0xFE, 0x33, 0x86, 0xDD, 0x81, 135, 136, 58];
    private static readonly Gen<byte> Value = Gen.Select(Gen.Bool, Gen.Int[0, Telling.Length - 1], Gen.Byte, (isTelling, index, any) => isTelling ? Telling[index] : any);

    private static readonly Gen<byte[]> Frames = Gen.Select(
        Gen.Int[0, Bases.Length - 1], Gen.Select(Gen.Int[0, 85], Value).Array[0, 3], Gen.Bool, Gen.Int[0, 12], Gen.Int[0, 100],
        (number, changes, repair, cut, pad) =>
        {
            byte[] changed = [.. Bases[number], .. new byte[pad > 90 ? pad - 90 : 0]];
            foreach ((int at, byte value) in changes)
            {
                changed[at % changed.Length] = value;
            }

            if (repair)
            {
                Repair(changed);
            }

            return cut > 10 ? changed[..^Math.Min(cut, changed.Length)] : changed;
        });

    [Fact]
    public void What_is_answered_is_what_the_rules_say()
    {
        TunnelRig rig = Rig(learn: false);
        int answered = 0;
        Frames.Sample(
            frame =>
            {
                rig.Send(frame);
                bool isAnswered = rig.Batch.Count == 2 && rig.Batch.Meta(1).Origin == PacketOrigin.Originated;
                Assert.Equal(IsToBeAnswered(frame), isAnswered);
                if (isAnswered)
                {
                    answered++;
                    Assert.Equal((PacketState.Consumed, TunnelRig.Device), (rig.Batch.Meta(0).State, rig.Batch.Meta(1).Output));
                }

                rig.Complete(rig.Egress, rig.Tunnel.Egress);
            },
            iter: 10 * Samples.Count,
            threads: Samples.Threads);
        Assert.True(answered > Samples.Count, $"Only {answered} were answered.");
    }

    [Fact]
    public void What_comes_through_the_tunnel_teaches_only_what_the_frame_says_of_its_own_source()
    {
        TunnelRig rig = Rig(learn: true);
        int heard = 0;
        Frames.Sample(
            frame =>
            {
                rig.Receive(TunnelRig.Vxlan(frame));
                while (rig.Tunnel.LearnedNeighbors.TryDequeue(out LearnedNeighbor neighbor))
                {
                    heard++;
                    Assert.Equal(frame[6..12], Bytes(neighbor.Mac));
                    byte[] address = new byte[16];
                    neighbor.Address.TryWriteBytes(address, out int length);
                    Assert.True(frame.AsSpan(14).IndexOf(address.AsSpan(0, length)) >= 0, $"{neighbor.Address} is not in the frame");
                    Assert.True(NeighborTable.IsHost(neighbor.Address) && neighbor.Remote == TunnelRig.Remote);
                }

                rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
            },
            iter: 10 * Samples.Count,
            threads: Samples.Threads);
        Assert.True(heard > Samples.Count / 10, $"Only {heard} were heard of.");
    }

    private static TunnelRig Rig(bool learn)
    {
        TunnelRig rig = new(new Tunnel(new TunnelRig().Tunnel.Options with { NeighborLearning = learn, DeviceMac = default }, new OverlayTables()));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, CertainMac, new FdbEntry(TunnelRig.Remote)));
        NeighborEntry certain = new(CertainMac, NeighborOrigin.Static, NeighborFlags.Override | NeighborFlags.Immutable);
        (ValueIPAddress, NeighborEntry)[] known = learn ? [] :
        [
            (TunnelRig.InnerB, new NeighborEntry(TunnelRig.MacB)), (TunnelRig.InnerB6, new NeighborEntry(TunnelRig.MacB)),
            (CertainAddress, certain), (CertainAddress6, certain), (UnreachableAddress, new NeighborEntry(UnreachableMac)),
        ];
        foreach ((ValueIPAddress address, NeighborEntry entry) in known)
        {
            rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, address, entry));
        }

        return rig;
    }

    private static bool IsToBeAnswered(byte[] frame)
    {
        if (frame.Length < 14 || (frame[0] & 1) == 0)
        {
            return false;
        }

        string hex = Convert.ToHexString(frame);
        return hex.Substring(24, 4) switch
        {
            "0806" => frame.Length >= 42 && hex.Substring(28, 16) == "0001080006040001" && IsArpToBeAnswered(hex),
            "86DD" => frame.Length >= 78 && IsSolicitationToBeAnswered(frame, hex),
            _ => false,
        };
    }

    private static bool IsArpToBeAnswered(string hex)
    {
        string source = hex.Substring(12, 12), senderMac = hex.Substring(44, 12), sender = hex.Substring(56, 8), target = hex.Substring(76, 8);
        (string? mac, bool isCertain, bool isReachable) = target switch
        {
            "0AF40002" => ("020000000002", false, true),
            "0AF40003" => ("020000000003", true, true),
            "0AF40004" => ("020000000004", false, false),
            _ => (null, false, false),
        };
        return mac is not null && sender != target && source != mac && senderMac != mac && (sender == "00000000" ? isCertain : isReachable);
    }

    private static bool IsSolicitationToBeAnswered(byte[] frame, string hex)
    {
        int length = BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(18));
        string source = hex.Substring(12, 12), from = hex.Substring(44, 32), to = hex.Substring(76, 32), target = hex.Substring(124, 32);
        if (frame[14] >> 4 != 6 || frame[20] != 58 || frame[21] != 255 || length < 24 || length > frame.Length - 54 || frame[54] != 135 || frame[55] != 0 ||
            PacketBuilder.Checksum(frame.AsSpan(54, length), PacketBuilder.PseudoHeader(frame.AsSpan(14), IPProtocol.IcmpV6, length)) != 0)
        {
            return false;
        }

        bool hasSourceAddress = false;
        for (int at = 78; at < 54 + length; at += frame[at + 1] * 8)
        {
            if (at + 2 > 54 + length || frame[at + 1] == 0 || at + (frame[at + 1] * 8) > 54 + length)
            {
                return false;
            }

            hasSourceAddress |= frame[at] == 1;
        }

        const string Mapped = "00000000000000000000FFFF";
        string? mac = target == "FD000244000000000000000000000002" ? "020000000002" : target == "FD000244000000000000000000000003" ? "020000000003" : null;
        bool isProbe = from == new string('0', 32);
        return mac is not null && source != mac && !from.StartsWith("FF", StringComparison.Ordinal) && !from.StartsWith(Mapped, StringComparison.Ordinal) &&
            !to.StartsWith(Mapped, StringComparison.Ordinal) &&
            (!isProbe || (mac == "020000000003" && !hasSourceAddress && to.StartsWith("FF0200000000000000000001FF", StringComparison.Ordinal)));
    }

    private static byte[] Bytes(MacAddress mac)
    {
        byte[] bytes = new byte[6];
        mac.TryWriteBytes(bytes);
        return bytes;
    }

    // The checksum of what claims to be ICMPv6, so that other changes are looked at, too.
    private static void Repair(byte[] frame)
    {
        if (frame.Length >= 78 && frame[12] == 0x86 && frame[20] == 58)
        {
            int length = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(18)), frame.Length - 54);
            frame[56] = frame[57] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(
                frame.AsSpan(56), PacketBuilder.Checksum(frame.AsSpan(54, length), PacketBuilder.PseudoHeader(frame.AsSpan(14), IPProtocol.IcmpV6, length)));
        }
    }
}
