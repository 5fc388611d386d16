namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>A header as the benchmarks build and read it. Of value types, so that the loops are compiled once for each.</summary>
public interface IHeaderSample
{
    /// <summary>Writes the header with nothing behind it.</summary>
    /// <param name="destination">Takes it.</param>
    /// <param name="number">What the fields are made of, 0 to 65 535: another header for each.</param>
    /// <returns>Its length in bytes.</returns>
    static abstract int Write(Span<byte> destination, uint number);

    /// <summary>Parses a header and reads every field.</summary>
    /// <returns>A number made of the fields, with bit 63 set; 0 if the header was refused.</returns>
    static abstract ulong Parse(ReadOnlySpan<byte> packet);
}
