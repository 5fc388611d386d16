using System.Buffers.Binary;
using Overlay.DataPath;

namespace Overlay.Fuzz.Targets;

/// <summary>What is known of a packet, out of an input: anything, or what suits the packet but for one thing.</summary>
internal static class MetaReader
{
    /// <summary>Bytes at the start of the input; the packet is what lies behind, and ends where the input does.</summary>
    public const int Length = 8;

    /// <summary>Reads.</summary>
    /// <param name="choices">The first bytes of the input.</param>
    /// <param name="packet">The rest.</param>
    /// <param name="network">Where the IP header is if all is well.</param>
    public static PacketMeta Read(ReadOnlySpan<byte> choices, ReadOnlySpan<byte> packet, int network)
    {
        byte version = packet.Length > network ? (byte)(packet[network] >> 4) : (byte)0;
        int header = version == 4 ? (packet[network] & 0xF) * 4 : 40;
        byte protocol = packet.Length > network + 9 ? packet[network + (version == 4 ? 9 : 6)] : (byte)0;
        bool tcp = protocol == (byte)IPProtocol.Tcp;
        int transport = network + header;
        int transportHeader = !tcp ? 8 : packet.Length > transport + 12 ? (packet[transport + 12] >> 4) * 4 : 20;
        PacketMeta meta = new()
        {
            NetworkStart = (ushort)network,
            ChecksumStart = (ushort)transport,
            ChecksumOffset = (ushort)(tcp ? 16 : 6),
            HeaderLength = (ushort)(transport + transportHeader),
            Segmentation = !tcp ? SegmentationKind.Udp : version == 4 ? SegmentationKind.TcpIPv4 : SegmentationKind.TcpIPv6,
            SegmentSize = (ushort)(1 + choices[1]),
            Checksum = ChecksumState.Partial,
        };
        ushort word = BinaryPrimitives.ReadUInt16BigEndian(choices[2..]);
        switch (choices[0])
        {
            case 1:
                meta.NetworkStart = word;
                break;
            case 2:
                meta.ChecksumStart = word;
                break;
            case 3:
                meta.ChecksumOffset = word;
                break;
            case 4:
                meta.HeaderLength = word;
                break;
            case 5:
                meta.SegmentSize = word;
                break;
            case 6:
                meta.Segmentation = (SegmentationKind)(word & 3);
                break;
            case 7:
                meta.Checksum = (ChecksumState)(word % 3);
                break;
            case 8:
                meta.NetworkStart = word;
                meta.ChecksumStart = BinaryPrimitives.ReadUInt16BigEndian(choices[4..]);
                meta.HeaderLength = BinaryPrimitives.ReadUInt16BigEndian(choices[6..]);
                break;
        }

        return meta;
    }
}
