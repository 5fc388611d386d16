using System.Buffers;
using System.Net.Sockets;
using CsCheck;
using Overlay.Encapsulation;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Properties;

/// <summary>Property 1: decap(encap(x)) is x, for every x up to the MTU, every kind and both outer families; what comes in front is the overhead.</summary>
public sealed class Item1DecapsulationUndoesEncapsulationTests
{
    private static readonly ValueIPAddress[] Locals = [ValueIPAddress.Parse("192.0.2.1"), ValueIPAddress.Parse("2001:db8::1")];
    private static readonly ValueIPAddress[] Remotes = [ValueIPAddress.Parse("192.0.2.2"), ValueIPAddress.Parse("2001:db8::2")];

    [Fact]
    public void Of_VXLAN() => Gen.Select(Gen.Byte.Array[14, 1450], Gen.UInt[0, 0xFF_FFFF], Samples.Family, Gen.Bool).Sample(
        (frame, vni, ipv6, checksum) =>
        {
            var encapsulator = new VxlanEncapsulator(Locals[ipv6 ? 1 : 0], Remotes[ipv6 ? 1 : 0], new() { OuterChecksum = checksum });
            byte[] packet = new byte[1600];
            // Not every frame of random bytes has a whole header: its type may announce tags that are not there.
            if (encapsulator.Encapsulate(frame, new Vni(vni), packet, out int length) != OperationStatus.Done)
            {
                Assert.False(EthernetFrame.TryParse(frame, out _));
                return;
            }

            Assert.Equal(frame.Length + (ipv6 ? 56 : 36), length);
            // The overhead counts the inner Ethernet header, which the MTU of the device does not.
            Assert.Equal(
                length - frame.Length + 14, TunnelMtu.Overhead(TunnelKind.Vxlan, ipv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork));
            DecapsulationOptions options = checksum ? DecapsulationOptions.None : DecapsulationOptions.AcceptZeroUdpChecksumIPv6;
            Assert.True(Decapsulator.TryDecapsulate(packet.AsSpan(0, length), TunnelKind.Vxlan, 4789, options, out Decapsulated inner, out DropReason reason), $"{reason}");
            Assert.Equal((vni, Locals[ipv6 ? 1 : 0], Remotes[ipv6 ? 1 : 0]), (inner.Vni.Value, inner.Remote, inner.Local));
            Assert.True(inner.Payload.SequenceEqual(frame));
        },
        iter: Samples.Count,
        threads: Samples.Threads);

    [Fact]
    public void Of_IP_in_IP() => Gen.Select(Samples.IPPacket, Samples.Family).Sample(
        (inside, ipv6) =>
        {
            var encapsulator = new IPInIPEncapsulator(Locals[ipv6 ? 1 : 0], Remotes[ipv6 ? 1 : 0]);
            byte[] packet = new byte[1600];
            Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(inside, packet, out int length));
            Assert.Equal(inside.Length + (ipv6 ? 40 : 20), length);
            Assert.Equal(
                length - inside.Length, TunnelMtu.Overhead(TunnelKind.IPInIP, ipv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork));
            Assert.True(Decapsulator.TryDecapsulate(packet.AsSpan(0, length), TunnelKind.IPInIP, 0, out Decapsulated inner, out DropReason reason), $"{reason}");
            Assert.Equal((Locals[ipv6 ? 1 : 0], Remotes[ipv6 ? 1 : 0]), (inner.Remote, inner.Local));
            Assert.True(inner.Payload.SequenceEqual(inside));
        },
        iter: Samples.Count,
        threads: Samples.Threads);
}
