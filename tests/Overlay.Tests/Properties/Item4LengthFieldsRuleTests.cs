using CsCheck;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Properties;

/// <summary>
/// Property 4: where a packet has a length of its own, what lies behind it changes nothing; and the beginning of a packet is refused or says the same.
/// Nothing is allocated.
/// </summary>
public sealed class Item4LengthFieldsRuleTests
{
    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.2");

    // Packets, and packets with a few bytes changed, so that both verdicts occur.
    private static readonly Gen<byte[]> Any = Gen.Select(
        Samples.Frame,
        Gen.Bool,
        Gen.Select(Gen.Int[0, 45], Gen.Byte).Array[0, 6],
        (frame, tunnel, changes) =>
        {
            byte[] packet = frame[14..];
            if (tunnel)
            {
                packet = new byte[36 + frame.Length];
                new VxlanEncapsulator(Local, Remote).Encapsulate(frame, new Vni(42), packet, out _);
            }

            foreach ((int at, byte value) in changes)
            {
                packet[at % packet.Length] = value;
            }

            return packet;
        });

    [Fact]
    public void Bytes_behind_the_packet_change_nothing()
    {
        int taken = 0, refused = 0;
        Gen.Select(Any, Gen.Byte.Array[1, 64]).Sample(
            (packet, junk) =>
            {
                string verdict = Verdict(packet);
                // A packet that is shorter than it says is completed by what follows; that is no junk.
                if (!IsShort(packet))
                {
                    Assert.Equal(verdict, Verdict([.. packet, .. junk]));
                }

                _ = verdict == Refused ? refused++ : taken++;
            },
            iter: Samples.Count,
            threads: Samples.Threads);
        Assert.True(taken > 100 && refused > 100, $"{taken} taken, {refused} refused");
    }

    [Fact]
    public void The_beginning_of_a_packet_is_refused_or_says_the_same() => Gen.Select(Any, Gen.Int[0, 1600], Gen.Byte.Array[0, 8]).Sample(
        (packet, cut, junk) =>
        {
            byte[] whole = [.. packet, .. junk];
            string beginning = Verdict(whole.AsSpan(0, Math.Min(cut, whole.Length)));
            Assert.True(beginning == Refused || beginning == Verdict(whole), beginning);
        },
        iter: Samples.Count,
        threads: Samples.Threads);

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] packet = new byte[36 + 100];
        new VxlanEncapsulator(Local, Remote).Encapsulate(Samples.FrameOf(Samples.Packet(false, true, 1, 2, 3, 4, new byte[46], 0), 1, 2), new Vni(42), packet, out _);
        int taken = 0;
        Allocations.Zero(() => taken += IPv4Packet.TryParse(packet, out IPv4Packet ip) && UdpPacket.TryParse(ip.Payload, out _) &&
            Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4789, out _, out _) ? 1 : 0);
        Assert.True(taken > 0);
    }

    private const string Refused = "refused";

    // What the IP header, and the decapsulator behind it, make of the bytes: every field and all of the payload.
    private static string Verdict(ReadOnlySpan<byte> bytes)
    {
        if (IPv4Packet.TryParse(bytes, out IPv4Packet ipv4))
        {
            bool tunnel = Decapsulator.TryDecapsulate(bytes, TunnelKind.Vxlan, 4789, out Decapsulated inner, out DropReason reason);
            return $"{ipv4.ToHeader()} {Convert.ToHexString(ipv4.Payload)} {reason} {(tunnel ? Convert.ToHexString(inner.Payload) : "")}";
        }

        if (IPv6Packet.TryParse(bytes, out IPv6Packet ipv6))
        {
            bool found = ipv6.TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport);
            return $"{ipv6.ToHeader()} {found} {protocol} {Convert.ToHexString(transport)}";
        }

        return Refused;
    }

    private static bool IsShort(ReadOnlySpan<byte> bytes) =>
        (IPv4Packet.TryParseTruncated(bytes, out IPv4Packet ipv4) && ipv4.IsTruncated) ||
        (IPv6Packet.TryParseTruncated(bytes, out IPv6Packet ipv6) && ipv6.IsTruncated) ||
        (bytes[0] >> 4 == 4 && (bytes[0] & 0xF) * 4 > bytes.Length);
}
