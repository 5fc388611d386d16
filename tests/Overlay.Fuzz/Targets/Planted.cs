using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Overlay.Fuzz.Targets;

/// <summary>Throws for inputs that begin with one byte in 256 and are long enough: the driver must find it, and make it three bytes long.</summary>
internal sealed class PlantedExceptionTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (input.Length >= 3 && input[0] == 0xC5)
        {
            throw new InvalidOperationException("planted");
        }
    }
}

/// <summary>Reads one byte behind inputs that are longer than two bytes.</summary>
internal sealed class PlantedReadBehindTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (input.Length > 2)
        {
            Check.Use(Unsafe.Add(ref MemoryMarshal.GetReference(input), input.Length));
        }
    }
}

/// <summary>Reads one byte in front of inputs that are longer than two bytes.</summary>
internal sealed class PlantedReadBeforeTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (input.Length > 2)
        {
            Check.Use(Unsafe.Add(ref MemoryMarshal.GetReference(input), -1));
        }
    }
}

/// <summary>Does not return for inputs that are longer than two bytes.</summary>
internal sealed class PlantedLoopTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        while (input.Length > 2)
        {
            Check.Touch(input);
        }
    }
}
