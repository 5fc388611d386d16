using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using PacketDotNet;

namespace Overlay.Benchmarks.Encapsulation;

/// <summary>
/// The same packets built and parsed with PacketDotNet. Look-ups and flow hash are left to the caller, since PacketDotNet has none.
/// </summary>
internal sealed class PacketDotNetTunnel
{
    private const int VxlanHeaderLength = 8;

    private readonly uint _vni;
    private readonly bool _checksum;
    private readonly IPAddress _ownAddress;
    private readonly IPAddress[] _addresses;
    private readonly PhysicalAddress[] _macs;

    public PacketDotNetTunnel(World world, bool checksum)
    {
        _vni = world.Vni.Value;
        _checksum = checksum;
        _ownAddress = world.OwnAddress.ToIPAddress();
        _addresses = [.. world.Encapsulators.Select(encapsulator => encapsulator.Local.ToIPAddress())];
        _macs = [.. world.Encapsulators.Select(encapsulator => world.LinkAddressOf(encapsulator.Local).ToPhysicalAddress())];
    }

    public byte[] Build(ReadOnlySpan<byte> frame, int remote, ushort sourcePort)
    {
        byte[] payload = new byte[VxlanHeaderLength + frame.Length];
        BinaryPrimitives.WriteUInt32BigEndian(payload, 0x0800_0000);
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(4), _vni << 8);
        frame.CopyTo(payload.AsSpan(VxlanHeaderLength));

        UdpPacket udp = new(sourcePort, 4789) { PayloadData = payload };
        IPv4Packet ip = new(_addresses[remote], _ownAddress) { TimeToLive = 64, FragmentFlags = 2, PayloadPacket = udp };
        if (_checksum)
        {
            udp.UpdateUdpChecksum();
        }

        ip.UpdateIPChecksum();
        return new EthernetPacket(_macs[remote], _macs[remote], EthernetType.IPv4) { PayloadPacket = ip }.Bytes;
    }

    /// <summary>The length of the inner frame, or −1: not one of ours. Only arrays can be parsed, so what lies in a larger buffer is copied first.</summary>
    public int Parse(ReadOnlySpan<byte> packet, out IPAddress? remote)
    {
        remote = null;
        if (Packet.ParsePacket(LinkLayers.Ethernet, packet.ToArray()) is not EthernetPacket { PayloadPacket: IPv4Packet ip }
            || !ip.ValidIPChecksum
            || ip.PayloadPacket is not UdpPacket { PayloadPacket: VxlanPacket vxlan } udp
            || (_checksum && !udp.ValidUdpChecksum)
            || (vxlan.Flags & 0x08) == 0
            || vxlan.Vni != _vni)
        {
            return -1;
        }

        remote = ip.SourceAddress;
        return vxlan.PayloadPacket.TotalPacketLength;
    }
}
