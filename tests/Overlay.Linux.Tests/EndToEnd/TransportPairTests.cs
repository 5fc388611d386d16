using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Byte streams and datagrams through a tunnel, for each pair of what its ends can be, both ways.</summary>
[Collection(FloodCollection.Name)]
public sealed class TransportPairTests
{
    private const int PlainPort = 2000;
    private const int GroPort = 2001;
    private const long Bytes = 20_000_000;
    private const long Bytes6 = 3_000_000;

    // Segments and how many of them one call makes; each also with a further, shorter one.
    private static readonly (int Size, int Count)[] Shapes = [(64, 120), (1200, 40), (1400, 20)];

    /// <summary>All pairs; that of two kernels says that the test itself is right.</summary>
    public static TheoryData<string, string, bool> Pairs => new()
    {
        { OverlayPair.Kernel, OverlayPair.Kernel, false },
        { OverlayPair.Udp, OverlayPair.Kernel, false },
        { OverlayPair.Udp, OverlayPair.Udp, false },
        { OverlayPair.Udp, OverlayPair.Kernel, true },
        { OverlayPair.Udp, OverlayPair.Udp, true },
        { OverlayPair.TunnelGso, OverlayPair.Kernel, false },
        { OverlayPair.TunnelGso, OverlayPair.Udp, false },
        { OverlayPair.TunnelGso, OverlayPair.TunnelGso, false },
        { OverlayPair.TunnelGso, OverlayPair.Kernel, true },
    };

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Every_byte_and_every_datagram_arrives_both_ways(string first, string second, bool ipv6Underlay)
    {
        using OverlayPair pair = new(first, second, ipv6Underlay);
        string[] ends = [first, second];
        for (int from = 0; from < 2; from++)
        {
            int to = 1 - from;
            foreach (bool ipv6 in (bool[])[false, true])
            {
                using UdpApplication sender = new(pair.Hosts[from], OverlayPair.Inner(from, ipv6), 0);
                using UdpApplication plain = new(pair.Hosts[to], OverlayPair.Inner(to, ipv6), PlainPort);
                using UdpApplication gro = new(pair.Hosts[to], OverlayPair.Inner(to, ipv6), GroPort, gro: true);
                long handedOver = pair.HandedOver(from);
                int messages = 0;
                int number = 1;
                // 1400 bytes with an inner IPv6 header exceed the MTU over an IPv6 underlay.
                foreach ((int size, int count) in ipv6 ? Shapes[..2] : Shapes)
                {
                    foreach (int last in (int[])[0, size / 2])
                    {
                        foreach ((UdpApplication receiver, int port) in new[] { (plain, PlainPort), (gro, GroPort) })
                        {
                            byte[] data = NumberedDatagrams.Make(number, size, count, last);
                            sender.SendSegments(data, size, OverlayPair.Inner(to, ipv6), port);
                            int datagrams = count + (last == 0 ? 0 : 1);
                            NumberedDatagrams.AssertEqual(receiver.Take(datagrams), number, size, count, last);
                            number += datagrams;
                            messages++;
                        }
                    }
                }

                // Nothing came twice, or to the other socket.
                Assert.Equal((0, 0), (plain.Count, gro.Count));
                if (ends[from] != OverlayPair.Kernel)
                {
                    // What the stack handed over were superpackets, not datagrams that it cut itself: one for each call, and hardly anything beside it.
                    Assert.InRange(pair.HandedOver(from) - handedOver, messages, messages + 10);
                }

                if (ends[to] != OverlayPair.Kernel)
                {
                    // What is told apart at the receiver was together on its device.
                    Assert.True(gro.Trains > 0, "The receiver with UDP_GRO saw no train.");
                }

                long bytes = ipv6 ? Bytes6 : Bytes;
                TcpTransferResult stream = TcpTransfer.Run(pair.Hosts[from], pair.Hosts[to], OverlayPair.Inner(to, ipv6), bytes, seed: number);
                Assert.True(stream.IsIntact && stream.ReceivedBytes == bytes, stream.ToString());
            }
        }

        pair.AssertNothingWasLost();
    }
}
