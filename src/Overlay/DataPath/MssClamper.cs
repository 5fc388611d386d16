using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>Lowers the maximum segment size in the SYN segments of a tunnel, of either direction: each end is told what the path takes.</summary>
/// <remarks>A path that is smaller towards here than it is from here is not known; then the other end's clamp or its path MTU discovery helps.</remarks>
internal sealed class MssClamper
{
    private const int TcpHeaderLength = 20;

    private readonly MssClamp _clamp;
    private readonly PathMtus _paths;
    private readonly int _headers;
    private readonly bool _isEthernet;
    private readonly bool _wrapsInEthernet;

    private MssClamper(Tunnel tunnel)
    {
        _clamp = tunnel.Options.Policy.MssClamp;
        _paths = tunnel.PathMtus;
        TunnelOptions options = tunnel.Options;
        _headers = options.OuterLength + (options.Policy.EncapsulationLimit is null ? 0 : IPInIPEncapsulator.EncapsulationLimitLength);
        _isEthernet = options.Layer == DeviceLayer.Ethernet;
        _wrapsInEthernet = options.HasInnerEthernet && !_isEthernet;
    }

    /// <summary>The clamp of a tunnel; null if its policy has none.</summary>
    public static MssClamper? Create(Tunnel tunnel) => tunnel.Options.Policy.MssClamp.IsOff ? null : new MssClamper(tunnel);

    /// <summary>Looks at a packet.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">A packet of the tunnel that passes.</param>
    /// <param name="hasEthernet">Whether there is an Ethernet header in front of it.</param>
    public void Take(PacketBatch batch, int index, bool hasEthernet)
    {
        ref PacketMeta meta = ref batch.Meta(index);
        Span<byte> bytes = batch.Data(index);
        int network = 0;
        if (hasEthernet)
        {
            if (!EthernetFrame.TryParse(bytes, out EthernetFrame frame) || frame.EtherType is not (EtherType.IPv4 or EtherType.IPv6))
            {
                return;
            }

            network = frame.HeaderLength;
        }

        if (!TryFindTcp(bytes[network..], out int transport, out int length, out int header))
        {
            return;
        }

        // The Ethernet header of a layer-3 VXLAN tunnel is taken off or not yet put in front; in the outer packet it takes its place in any case.
        int ethernet = _isEthernet ? network : _wrapsInEthernet ? EthernetFrame.MinimumHeaderLength : 0;
        int mss = _clamp.IsPath ? _paths.Get(meta.Remote) - _headers - ethernet - header - TcpHeaderLength : _clamp.Fixed;
        if (mss is > 0 and <= ushort.MaxValue)
        {
            _ = TcpMss.TryLower(bytes.Slice(network + transport, length), (ushort)mss, meta.Checksum == ChecksumState.Partial);
        }
    }

    // The first fragment has the header; of the others none is TCP to anybody but the receiver.
    private static bool TryFindTcp(ReadOnlySpan<byte> packet, out int transport, out int length, out int header)
    {
        if (IPv4Packet.TryParse(packet, out IPv4Packet packet4))
        {
            transport = packet4.HeaderLength;
            length = packet4.Bytes.Length - transport;
            header = IPv4Packet.MinimumHeaderLength;
            return packet4.Protocol == IPProtocol.Tcp && packet4.FragmentOffset == 0;
        }

        header = IPv6Packet.HeaderLength;
        if (IPv6Packet.TryParse(packet, out IPv6Packet packet6) && packet6.TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> segment))
        {
            transport = packet6.Bytes.Length - segment.Length;
            length = segment.Length;
            return protocol == IPProtocol.Tcp;
        }

        transport = 0;
        length = 0;
        return false;
    }
}
