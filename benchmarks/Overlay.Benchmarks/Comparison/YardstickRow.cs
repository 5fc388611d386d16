namespace Overlay.Benchmarks.Comparison;

/// <summary>One line of a yardstick: nanoseconds per packet of plain C.</summary>
/// <param name="Work">What was done.</param>
/// <param name="Length">Bytes of a frame or of what was summed.</param>
/// <param name="Frames">How many of them lie in memory.</param>
/// <param name="Variant">In what way: <c>computed</c> or <c>zero</c> for outer checksums, for sums the instructions.</param>
/// <param name="Minimum">The smallest of all repetitions.</param>
/// <param name="Median">The middle one.</param>
internal sealed record YardstickRow(string Work, int Length, int Frames, string Variant, double Minimum, double Median)
{
    /// <summary>Whether outer UDP checksums are computed and verified.</summary>
    public bool Checksum => Variant == "computed";
}
