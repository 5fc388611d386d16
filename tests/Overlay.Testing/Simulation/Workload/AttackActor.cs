using System.Buffers.Binary;
using Overlay.Encapsulation;

namespace Overlay.Testing.Simulation.Workload;

/// <summary>
/// Somebody who reaches the endpoints and writes what he likes: floods of random MAC addresses, MAC addresses of others, unknown networks, broken headers,
/// in his own name or in that of a remote.
/// </summary>
public sealed class AttackActor(SimulatedWorld world, WorkloadOptions options) : WorkloadActor("attacker", world, options?.Attacks ?? 0)
{
    private const int LargestBurst = 20;

    private long _forged = 1_000_000;

    /// <inheritdoc/>
    protected override void Act()
    {
        SimulatedTunnel victim = Random.Pick([.. World.Tunnels.Where(tunnel => tunnel.IsEthernet)]);
        switch (Random.Next(5))
        {
            case 0:
                for (int i = Random.Between(1, LargestBurst); i > 0; i--)
                {
                    Send(victim, "mac-flood", victim.Vni, MacAddress.FromValue(0x0600_0000_0000UL | (uint)Random.Next(int.MaxValue)));
                }

                break;
            case 1 when victim.Tables.Twin.Forwarding.Count > 0:
                Send(victim, "hijack", victim.Vni, Random.Pick([.. victim.Tables.Twin.Forwarding.Keys]).Mac);
                break;
            case 2:
                Send(victim, "unknown-vni", new Vni((uint)Random.Next(1 << 24)), Random.Pick(World.Stations).Mac);
                break;
            case 3:
                Send(victim, "odd-mac", victim.Vni, Random.Pick([default, MacAddress.Broadcast, MacAddress.FromValue(0x0100_5E00_0001), victim.Options.DeviceMac]));
                break;
            default:
                SendBroken(victim);
                break;
        }
    }

    private void Send(SimulatedTunnel victim, string what, Vni vni, MacAddress source)
    {
        byte[] inner = PacketBuilder.Ethernet(
            Random.Pick(World.Stations).Mac, source, EtherType.IPv4,
            StationFrames.Udp(ValueIPAddress.FromIPv4(0x0A00_0001), ValueIPAddress.FromIPv4(0x0A00_0002), Random.Next(40), 666));
        Transmit(victim, new SimulatedFrame(_forged++, vni, null, isEthernet: true, what, inner), inner, breaks: false);
    }

    private void SendBroken(SimulatedTunnel victim)
    {
        byte[] inner = Random.Bytes(Random.Between(14, 90));
        Transmit(victim, new SimulatedFrame(_forged++, victim.Vni, null, isEthernet: true, "broken", inner) { IsMisshapen = true }, inner, breaks: true);
    }

    private void Transmit(SimulatedTunnel victim, SimulatedFrame frame, byte[] inner, bool breaks)
    {
        SimulatedHost[] others = [.. World.Hosts.Where(host => host != victim.Host && host.Address.IsIPv4 == victim.Host.Address.IsIPv4)];
        ValueIPAddress source = others.Length > 0 && Random.Hits(0.6)
            ? Random.Pick(others).Address
            : victim.Host.Address.IsIPv4 ? ValueIPAddress.FromIPv4(0xCB00_7100 | (uint)Random.Between(1, 250)) : UnderlayAddress.IPv6(0x2001_0DB8_0BAD_0000, (uint)Random.Between(1, 250));
        UdpEncapsulator udp = new(source, victim.Host.Address, TunnelHeader.Create(victim.Options.Kind, carriesEthernet: true), new UdpEncapsulatorOptions { OuterChecksum = false });
        byte[] packet = new byte[udp.Overhead + inner.Length];
        inner.CopyTo(packet.AsSpan(udp.Overhead));
        udp.WriteOuter(packet, inner.Length, new OuterHeaderFields { Vni = frame.Vni, SourcePort = (ushort)Random.Between(1_024, 65_535) });
        if (breaks)
        {
            // Behind UDP: what is wrong in front of it the kernel finds, and that is not what is tried here. The VNI stays: by it the frame is judged.
            int header = udp.Overhead - 8;
            packet[header + Random.Next(4)] = (byte)Random.NextUInt64();
            packet[header + 7] = (byte)Random.NextUInt64();
            if (Random.Hits(0.5))
            {
                packet = Cut(packet, header + Random.Next(packet.Length - header));
            }
        }

        World.Network.Transmit(null, packet, frame);
    }

    // A cut datagram with right lengths: it comes through the kernel.
    private static byte[] Cut(byte[] packet, int length)
    {
        byte[] cut = packet[..length];
        bool isIPv4 = cut[0] >> 4 == 4;
        int udp = isIPv4 ? 20 : 40;
        BinaryPrimitives.WriteUInt16BigEndian(cut.AsSpan(isIPv4 ? 2 : 4), (ushort)(isIPv4 ? length : length - udp));
        BinaryPrimitives.WriteUInt16BigEndian(cut.AsSpan(udp + 4), (ushort)(length - udp));
        if (isIPv4)
        {
            cut[10] = cut[11] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(cut.AsSpan(10), PacketBuilder.Checksum(cut.AsSpan(0, 20), 0));
        }

        return cut;
    }
}
