namespace Overlay.Tests.Capture;

/// <summary>Synthetic captures that hold every feature of the formats.</summary>
internal static class Samples
{
    // An Ethernet frame with an experimental EtherType, which no dissector cuts or pads.
    public static byte[] Frame(int payload, byte seed = 0) =>
        [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xB5, .. Enumerable.Range(seed, payload).Select(i => (byte)i)];

    public static byte[] Pcap(bool bigEndian, bool nanoseconds) =>
        new CaptureBuilder(bigEndian)
            .PcapHeader(nanoseconds ? 0xA1B23C4D : 0xA1B2C3D4, linkType: 1)
            .PcapRecord(1_700_000_000, nanoseconds ? 123_456_789u : 123_456u, Frame(50))
            .PcapRecord(0, 0, Frame(0))
            .PcapRecord(uint.MaxValue, nanoseconds ? 999_999_999u : 999_999u, Frame(7), originalLength: 1500)
            .ToArray();

    /// <summary>Two sections, the second in the other byte order; three clocks; every packet block; blocks and options that nobody knows.</summary>
    public static byte[] PcapNg(bool bigEndian)
    {
        const ulong Seconds = 1_700_000_000;
        var builder = new CaptureBuilder(bigEndian);
        builder
            .Section()
            .Block(0x0000_1234, b => b.Raw([1, 2, 3, 4]))
            .Interface(1, 0, b => b.Option(2, "eth0"u8).Option(3, "the first"u8).Option(9, [9]).Option(0x7FFF, [1, 2, 3]).EndOfOptions())
            .Packet(0, (Seconds * 1_000_000_000) + 123_456_789, Frame(33), options: b => b.Option(1, "one"u8).Option(2, Word(builder, 1)).Option(1, "zwei ✓"u8).EndOfOptions())
            .Interface(1)
            .Packet(1, (Seconds * 1_000_000) + 7, Frame(34), originalLength: 2000)
            .Interface(1, 0, b => b.Option(2, "binary"u8).Option(9, [0x80 | 20]).Option(14, Long(builder, 3600)))
            .Packet(2, ((Seconds - 3600) << 20) + (1 << 19), Frame(35), options: b => b.Option(2, Word(builder, 2)))
            .Block(2, b => b.U16(0).U16(0xFFFF).U32((uint)((Seconds * 1_000_000_000) >> 32)).U32(unchecked((uint)(Seconds * 1_000_000_000))).U32(16).U32(16).Padded(Frame(2)))
            .Block(5, b => b.U32(0).U32(0).U32(0));
        builder.BigEndian = !bigEndian;
        builder
            .Section()
            .Interface(1, snapLength: 20, options: b => b.Option(2, "other"u8))
            .Block(3, b => b.U32(60).Padded(Frame(6)))
            .Packet(0, (Seconds * 1_000_000) + 999_999, Frame(0));
        return builder.ToArray();
    }

    private static byte[] Word(CaptureBuilder order, uint value) => new CaptureBuilder(order.BigEndian).U32(value).ToArray();

    private static byte[] Long(CaptureBuilder order, ulong value) => new CaptureBuilder(order.BigEndian).U64(value).ToArray();
}
