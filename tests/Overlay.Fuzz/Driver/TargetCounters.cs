using System.Runtime.InteropServices;

namespace Overlay.Fuzz.Driver;

/// <summary>What a worker has done with a target; it lies in memory that two processes share.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TargetCounters
{
    /// <summary>Inputs.</summary>
    public long Inputs;

    /// <summary>The time they took, in ticks of <see cref="System.Diagnostics.Stopwatch"/>, with the making of them.</summary>
    public long Ticks;

    /// <summary>Inputs that the next ones are made from: seeds, and what reached something new.</summary>
    public int Pool;

    /// <summary>Branches that were reached; 0 if the code is not instrumented.</summary>
    public int Branches;
}
