namespace Overlay.Benchmarks.Comparison;

/// <summary>One line of the yardstick: nanoseconds per packet of plain C.</summary>
internal sealed record YardstickRow(string Work, int FrameLength, int Frames, bool Checksum, double Minimum, double Median);
