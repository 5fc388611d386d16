namespace Overlay.Capture;

/// <summary>Numbers of the pcapng format (draft-ietf-opsawg-pcapng); reader and writer share them.</summary>
internal static class PcapNgLayout
{
    // A palindrome, so that it can be read before the byte order is known (§4.1).
    public const uint SectionHeaderBlock = 0x0A0D0D0A;
    public const uint InterfaceDescriptionBlock = 1;
    public const uint PacketBlock = 2;
    public const uint SimplePacketBlock = 3;
    public const uint InterfaceStatisticsBlock = 5;
    public const uint EnhancedPacketBlock = 6;

    public const uint ByteOrderMagic = 0x1A2B3C4D;
    public const ushort MajorVersion = 1;

    // Type and length in front, the length again behind.
    public const int BlockHeaderLength = 8;
    public const int BlockTrailerLength = 4;
    public const int BlockOverhead = BlockHeaderLength + BlockTrailerLength;

    // Fixed parts of bodies, without options and packet data.
    public const int SectionHeaderLength = 16;
    public const int InterfaceDescriptionLength = 8;
    public const int PacketHeaderLength = 20;
    public const int SimplePacketHeaderLength = 4;
    public const int InterfaceStatisticsLength = 12;

    public const int OptionHeaderLength = 4;
    public const ushort EndOfOptions = 0;
    public const ushort CommentOption = 1;
    public const ushort UserApplicationOption = 4;
    public const ushort InterfaceNameOption = 2;
    public const ushort InterfaceDescriptionOption = 3;
    public const ushort TimestampResolutionOption = 9;
    public const ushort TimestampOffsetOption = 14;
    public const ushort PacketFlagsOption = 2;
    public const ushort PacketDropCountOption = 4;
    public const ushort ReceivedStatisticsOption = 4;
    public const ushort DroppedStatisticsOption = 5;

    public static int Pad(int length) => (length + 3) & ~3;
}
