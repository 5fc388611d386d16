namespace Overlay.Capture;

/// <summary>The blocks that this library writes: times in nanoseconds, little-endian.</summary>
internal static class PcapNgEncoder
{
    /// <summary>Room for <see cref="WriteSectionHeader"/>.</summary>
    public static int SectionHeaderMaxLength(ReadOnlySpan<byte> application) =>
        BlockWriter.MaxLength(PcapNgLayout.SectionHeaderLength, 0, 1, application.Length);

    /// <summary>A section header (§4.1); its length is left open, so that it can be written as a stream.</summary>
    /// <returns>Bytes written.</returns>
    public static int WriteSectionHeader(Span<byte> destination, ReadOnlySpan<byte> application)
    {
        var block = new BlockWriter(destination, PcapNgLayout.SectionHeaderBlock);
        block.UInt32(PcapNgLayout.ByteOrderMagic);
        block.UInt16(PcapNgLayout.MajorVersion);
        block.UInt16(0);
        block.UInt64(ulong.MaxValue);
        if (!application.IsEmpty)
        {
            block.Option(PcapNgLayout.UserApplicationOption, application);
        }

        return block.End();
    }

    /// <summary>Room for <see cref="WriteInterface"/>.</summary>
    public static int InterfaceMaxLength(ReadOnlySpan<byte> name, ReadOnlySpan<byte> description) =>
        BlockWriter.MaxLength(PcapNgLayout.InterfaceDescriptionLength, 0, 3, name.Length + description.Length + 1);

    /// <summary>An interface description (§4.2).</summary>
    /// <returns>Bytes written.</returns>
    public static int WriteInterface(Span<byte> destination, LinkType linkType, int snapLength, ReadOnlySpan<byte> name, ReadOnlySpan<byte> description)
    {
        var block = new BlockWriter(destination, PcapNgLayout.InterfaceDescriptionBlock);
        block.UInt16((ushort)linkType);
        block.UInt16(0);
        block.UInt32((uint)snapLength);
        if (!name.IsEmpty)
        {
            block.Option(PcapNgLayout.InterfaceNameOption, name);
        }

        if (!description.IsEmpty)
        {
            block.Option(PcapNgLayout.InterfaceDescriptionOption, description);
        }

        block.Option(PcapNgLayout.TimestampResolutionOption, [TimestampClock.Nanoseconds]);
        return block.End();
    }

    /// <summary>Room for a packet block with that many comments of <paramref name="commentBytes"/> bytes in all.</summary>
    public static int PacketMaxLength(int dataLength, int comments, int commentBytes) =>
        // Beside the comments: the flags and the drop count.
        BlockWriter.MaxLength(PcapNgLayout.PacketHeaderLength, dataLength, comments + 2, commentBytes + sizeof(uint) + sizeof(ulong));

    /// <summary>Begins an enhanced packet block (§4.3); further options may follow before its end.</summary>
    public static BlockWriter BeginPacket(
        Span<byte> destination, int interfaceId, long unixNanoseconds, ReadOnlySpan<byte> data, uint originalLength, PacketDirection direction)
    {
        var block = new BlockWriter(destination, PcapNgLayout.EnhancedPacketBlock);
        block.UInt32((uint)interfaceId);
        block.Time((ulong)unixNanoseconds);
        block.UInt32((uint)data.Length);
        block.UInt32(originalLength);
        block.Padded(data);
        if (direction != PacketDirection.Unknown)
        {
            block.Option(PcapNgLayout.PacketFlagsOption, (uint)direction);
        }

        return block;
    }

    /// <summary>Room for <see cref="WriteStatistics"/>.</summary>
    public static int StatisticsMaxLength => BlockWriter.MaxLength(PcapNgLayout.InterfaceStatisticsLength, 0, 2, 2 * sizeof(ulong));

    /// <summary>Interface statistics (§4.6).</summary>
    /// <returns>Bytes written.</returns>
    public static int WriteStatistics(Span<byte> destination, int interfaceId, long unixNanoseconds, long received, long dropped)
    {
        var block = new BlockWriter(destination, PcapNgLayout.InterfaceStatisticsBlock);
        block.UInt32((uint)interfaceId);
        block.Time((ulong)unixNanoseconds);
        block.Option(PcapNgLayout.ReceivedStatisticsOption, (ulong)received);
        block.Option(PcapNgLayout.DroppedStatisticsOption, (ulong)dropped);
        return block.End();
    }
}
