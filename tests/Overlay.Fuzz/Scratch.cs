using Overlay.Testing;

namespace Overlay.Fuzz;

/// <summary>Memory for what targets let the code under test write: a write behind it ends the process.</summary>
internal static class Scratch
{
    /// <summary>The longest.</summary>
    public const int MaxLength = 160 * 1024;

    private static readonly GuardedMemory First = new(MaxLength);
    private static readonly GuardedMemory Second = new(MaxLength);

    /// <summary>Memory right before a guard page, full of 0xA5: what was not written is seen.</summary>
    public static Span<byte> Room(int length)
    {
        Span<byte> room = First.Last(length);
        room.Fill(0xA5);
        return room;
    }

    /// <summary>A copy that may be changed, right before a guard page; another place than <see cref="Room"/>.</summary>
    public static Span<byte> Copy(ReadOnlySpan<byte> bytes) => Second.PutLast(bytes);
}
