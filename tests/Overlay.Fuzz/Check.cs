using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Overlay.Fuzz;

/// <summary>What targets ask of the code under test.</summary>
internal static class Check
{
    /// <summary>Fails if it is not so.</summary>
    public static void That(bool condition, string claim)
    {
        if (!condition)
        {
            Fail(claim);
        }
    }

    /// <summary>Fails if two values differ.</summary>
    public static void Equal<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            Fail($"{what}: {actual}, and not {expected}");
        }
    }

    /// <summary>Fails if bytes differ.</summary>
    public static void Same(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string what)
    {
        if (!expected.SequenceEqual(actual))
        {
            Fail($"{what}:\n{Convert.ToHexString(actual)}\nand not\n{Convert.ToHexString(expected)}");
        }
    }

    /// <summary>Fails if a span is not a part of another, or one byte behind its end.</summary>
    public static unsafe void Inside(ReadOnlySpan<byte> outer, ReadOnlySpan<byte> part, string what)
    {
        fixed (byte* start = outer, inner = part)
        {
            // An empty span may lie anywhere, because nothing of it can be read.
            if (!part.IsEmpty && (inner < start || inner + part.Length > start + outer.Length))
            {
                Fail($"{what} lies outside of the bytes that it was read from");
            }
        }
    }

    /// <summary>Uses a value, so that reading it cannot be left out.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SuppressMessage("Style", "IDE0060:Remove unused parameter", Justification = "To be passed is what it is for.")]
    public static void Use<T>(T value)
    {
    }

    /// <summary>Reads every byte.</summary>
    public static void Touch(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        foreach (byte b in bytes)
        {
            sum += b;
        }

        Use(sum);
    }

    [DoesNotReturn]
    private static void Fail(string claim) => throw new CheckFailedException(claim);
}
