using System.Net;
using System.Net.Sockets;
using Overlay.Capture;
using Overlay.Demo.Hosts;
using Overlay.Demo.Traffic;
using Overlay.Linux;
using Overlay.Wire;

namespace Overlay.Demo.Picture;

/// <summary>Catches the frame to be shown: sends one ping through a tunnel and takes from the cable what overlayd made of it.</summary>
internal static class FrameCatcher
{
    private const int PayloadLength = 24;

    /// <summary>The frame.</summary>
    /// <exception cref="InvalidOperationException">There was none.</exception>
    public static byte[] Catch(Lab lab, CancellationToken cancellation)
    {
        if (Machine.FindTool("ethtool") is not null)
        {
            // Else the checksum would be left to a device that has no need to compute it: a veth.
            lab.Here.Netns.EthtoolOff(HostPlan.UnderlayDevice, "tx");
        }

        using MemoryStream stream = new();
        PacketCaptureOptions options = new() { LeaveOpen = true };
        using PacketCapture capture = lab.Here.Netns.Run(() => PacketCapture.Start(HostPlan.UnderlayDevice, stream, options));
        using (EchoClient echo = new(lab.Here.Netns, IPAddress.Parse(lab.There.Plan.InnerAddress(AddressFamily.InterNetwork))))
        {
            echo.Run(1, PayloadLength, cancellation);
        }

        capture.Stop();
        stream.Position = 0;
        return FindAsync(stream).GetAwaiter().GetResult() ?? throw new InvalidOperationException("No encapsulated ping was seen on the cable.");
    }

    private static async Task<byte[]?> FindAsync(Stream stream)
    {
        CaptureReader reader = new(stream);
        await using (reader.ConfigureAwait(false))
        {
            await foreach (CapturedPacket packet in reader.ReadAllAsync().ConfigureAwait(false))
            {
                if (packet.Direction == PacketDirection.Outbound && IsEncapsulatedPing(packet.Data.Span))
                {
                    return packet.Data.ToArray();
                }
            }
        }

        return null;
    }

    private static bool IsEncapsulatedPing(ReadOnlySpan<byte> bytes) =>
        EthernetFrame.TryParse(bytes, out EthernetFrame outer) && outer.EtherType == EtherType.IPv4 &&
        IPv4Packet.TryParse(outer.Payload, out IPv4Packet outerIP) && outerIP.Protocol == IPProtocol.Udp &&
        UdpPacket.TryParse(outerIP.Payload, out UdpPacket udp) && udp.DestinationPort == VxlanPacket.DefaultPort &&
        VxlanPacket.TryParse(udp.Payload, out VxlanPacket vxlan) &&
        EthernetFrame.TryParse(vxlan.Payload, out EthernetFrame inner) && inner.EtherType == EtherType.IPv4 &&
        IPv4Packet.TryParse(inner.Payload, out IPv4Packet innerIP) && innerIP.Protocol == IPProtocol.Icmp;
}
