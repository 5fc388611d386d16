using System.Buffers.Binary;

namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>
/// What is in every probe of <c>doctor underlay</c>, wherever it is wrapped: by it the responder knows it, and where the answer goes.
/// </summary>
/// <remarks>
/// <code>
/// "OVLPROBE" (8) | session (8) | number of the probe (1) | 0 (1) | UDP port that waits for answers (2)
/// </code>
/// </remarks>
/// <param name="Session">Of one run of the doctor, by chance.</param>
/// <param name="Number">Of the probe in its session, 0 to <see cref="ProbeAnswer.MaxProbes"/> − 1.</param>
/// <param name="AnswerPort">Where answers go to.</param>
internal readonly record struct ProbeMark(ulong Session, byte Number, ushort AnswerPort)
{
    /// <summary>Bytes of a mark.</summary>
    public const int Length = 20;

    private const int SessionOffset = 8;
    private const int NumberOffset = 16;
    private const int PortOffset = 18;

    private static ReadOnlySpan<byte> Magic => "OVLPROBE"u8;

    /// <summary>Finds a mark in a packet.</summary>
    public static bool TryFind(ReadOnlySpan<byte> packet, out ProbeMark mark)
    {
        int start = packet.IndexOf(Magic);
        if (start < 0 || packet.Length - start < Length || packet[start + NumberOffset] >= ProbeAnswer.MaxProbes)
        {
            mark = default;
            return false;
        }

        packet = packet[start..];
        mark = new ProbeMark(
            BinaryPrimitives.ReadUInt64BigEndian(packet[SessionOffset..]), packet[NumberOffset], BinaryPrimitives.ReadUInt16BigEndian(packet[PortOffset..]));
        return true;
    }

    /// <summary>Writes the mark.</summary>
    public void Write(Span<byte> destination)
    {
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteUInt64BigEndian(destination[SessionOffset..], Session);
        destination[NumberOffset] = Number;
        destination[NumberOffset + 1] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(destination[PortOffset..], AnswerPort);
    }
}
