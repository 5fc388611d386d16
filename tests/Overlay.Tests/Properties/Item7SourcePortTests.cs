using System.Buffers;
using System.Buffers.Binary;
using CsCheck;
using Overlay.Encapsulation;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Properties;

/// <summary>
/// Property 7: the outer source port is a function of the inner flow and of nothing else, and stays in its range. (That 10^5 flows spread evenly:
/// FlowHashTests.)
/// </summary>
public sealed class Item7SourcePortTests
{
    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.2");

    [Fact]
    public void A_flow_has_one_port_in_the_range() => Gen.Select(
        Gen.Select(Gen.Bool, Gen.Bool, Gen.Int[1, 200], Gen.Int[1, 200], Gen.UShort, Gen.UShort),
        Gen.Select(Gen.Int[0, 600], Gen.Int[0, 600], Gen.Byte, Gen.Byte),
        Gen.Select(Gen.UShort[1, ushort.MaxValue], Gen.UShort[1, ushort.MaxValue], Gen.UInt)).Sample(
        (flow, differences, options) =>
        {
            (bool ipv6, bool tcp, int from, int to, ushort source, ushort destination) = flow;
            (int length, int otherLength, byte trafficClass, byte otherClass) = differences;
            (ushort low, ushort high) = options.Item1 <= options.Item2 ? (options.Item1, options.Item2) : (options.Item2, options.Item1);
            var encapsulator = new VxlanEncapsulator(
                Local, Remote, new() { SourcePortMinimum = low, SourcePortMaximum = high, FlowHashSeed = options.Item3 });
            ushort port = Port(encapsulator, Samples.Packet(ipv6, tcp, from, to, source, destination, PacketBuilder.Payload(length), trafficClass));
            Assert.InRange(port, low, high);
            // Another packet of the flow.
            Assert.Equal(port, Port(encapsulator, Samples.Packet(ipv6, tcp, from, to, source, destination, PacketBuilder.Payload(otherLength, 9), otherClass)));
        },
        iter: Samples.Count,
        threads: Samples.Threads);

    private static ushort Port(VxlanEncapsulator encapsulator, byte[] inner)
    {
        byte[] packet = new byte[1600];
        Assert.Equal(OperationStatus.Done, encapsulator.Encapsulate(Samples.FrameOf(inner, 1, 2), new Vni(42), packet, out _));
        return BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(20));
    }
}
