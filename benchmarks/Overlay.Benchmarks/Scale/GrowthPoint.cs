namespace Overlay.Benchmarks.Scale;

/// <summary>A table of one size.</summary>
/// <param name="Table">Which table.</param>
/// <param name="Entries">How many entries it holds.</param>
/// <param name="Single">Nanoseconds of one look-up.</param>
/// <param name="Bulk">Nanoseconds of one in a batch.</param>
/// <param name="BytesPerEntry">Bytes of the heap for each entry.</param>
internal sealed record GrowthPoint(string Table, int Entries, double Single, double Bulk, double BytesPerEntry);
