using System.Buffers.Binary;

namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>
/// What a responder has seen of a session so far. Each answer says all of it, so that lost ones do no harm; it goes by UDP and, for networks that lose
/// that, as an ICMP echo reply.
/// </summary>
/// <remarks>
/// <code>
/// "OVLREPLY" (8) | session (8) | one <see cref="ProbeArrival"/> for each number (128)
/// </code>
/// </remarks>
internal static class ProbeAnswer
{
    /// <summary>Probes of one session.</summary>
    public const int MaxProbes = 128;

    /// <summary>Bytes of an answer.</summary>
    public const int Length = 16 + MaxProbes;

    private const int SessionOffset = 8;
    private const int ArrivalsOffset = 16;

    private static ReadOnlySpan<byte> Magic => "OVLREPLY"u8;

    /// <summary>Makes an answer.</summary>
    public static byte[] Make(ulong session, ReadOnlySpan<ProbeArrival> arrivals)
    {
        byte[] answer = new byte[Length];
        Magic.CopyTo(answer);
        BinaryPrimitives.WriteUInt64BigEndian(answer.AsSpan(SessionOffset), session);
        for (int i = 0; i < MaxProbes; i++)
        {
            answer[ArrivalsOffset + i] = (byte)arrivals[i];
        }

        return answer;
    }

    /// <summary>Reads an answer, if it is one to this session.</summary>
    public static bool TryRead(ReadOnlySpan<byte> answer, ulong session, Span<ProbeArrival> arrivals)
    {
        if (answer.Length < Length || !answer.StartsWith(Magic) || BinaryPrimitives.ReadUInt64BigEndian(answer[SessionOffset..]) != session)
        {
            return false;
        }

        for (int i = 0; i < MaxProbes; i++)
        {
            // One that does not know a newer kind of arrival knows at least that it came.
            byte arrival = answer[ArrivalsOffset + i];
            arrivals[i] = arrival > (byte)ProbeArrival.NoChecksum ? ProbeArrival.Intact : (ProbeArrival)arrival;
        }

        return true;
    }
}
