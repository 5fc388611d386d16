using BenchmarkDotNet.Attributes;
using Overlay.Wire;

namespace Overlay.Benchmarks.Wire;

/// <summary>The Internet checksum over a header, a full packet and a superpacket, and together with a copy. Row by row what benchmarks/yardsticks/checksum.c does.</summary>
[MemoryDiagnoser]
public class InternetChecksumBenchmarks
{
    private const int CallsPerInvoke = 64;

    // Behind the copy: it must stay as it is.
    private const byte Guard = 0xA5;
    private const int Alignment = 64;

    private byte[] _memory = [];
    private byte[] _copy = [];
    private int _start;
    private int _copyStart;

    [Params(64, 1408, 65_536)]
    public int Length { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        (_memory, _start) = Allocate();
        (_copy, _copyStart) = Allocate();
        SplitMix64 random = new(World.Seed);
        foreach (ref byte value in Source)
        {
            value = (byte)random.Next();
        }

        _copy[_copyStart + Length] = Guard;
        ushort expected = SumOfWords(Source);
        if (InternetChecksum.Fold(InternetChecksum.Partial(Source)) != expected
            || InternetChecksum.Fold(InternetChecksum.CopyPartial(Source, Destination)) != expected
            || !Source.SequenceEqual(Destination)
            || _copy[_copyStart + Length] != Guard)
        {
            throw new InvalidOperationException($"Sum or copy of {Length} bytes is wrong.");
        }
    }

    private Span<byte> Source => _memory.AsSpan(_start, Length);

    private Span<byte> Destination => _copy.AsSpan(_copyStart, Length);

    [Benchmark(OperationsPerInvoke = CallsPerInvoke)]
    public ulong Sum()
    {
        ReadOnlySpan<byte> source = Source;
        ulong total = 0;
        for (int i = 0; i < CallsPerInvoke; i++)
        {
            total += InternetChecksum.Partial(source);
        }

        return total;
    }

    [Benchmark(OperationsPerInvoke = CallsPerInvoke)]
    public ulong CopySum()
    {
        ReadOnlySpan<byte> source = Source;
        Span<byte> destination = Destination;
        ulong total = 0;
        for (int i = 0; i < CallsPerInvoke; i++)
        {
            total += InternetChecksum.CopyPartial(source, destination);
        }

        return total;
    }

    /// <summary>What a copy alone takes.</summary>
    [Benchmark(OperationsPerInvoke = CallsPerInvoke)]
    public int Copy()
    {
        ReadOnlySpan<byte> source = Source;
        Span<byte> destination = Destination;
        int total = 0;
        for (int i = 0; i < CallsPerInvoke; i++)
        {
            source.CopyTo(destination);
            total += destination.Length;
        }

        return total;
    }

    /// <summary>RFC 1071 §4.1, word by word.</summary>
    private static ushort SumOfWords(ReadOnlySpan<byte> data)
    {
        uint sum = 0;
        for (int i = 0; i < data.Length; i += 2)
        {
            sum += (uint)((data[i] << 8) | data[i + 1]);
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)sum;
    }

    // At the start of a cache line, as aligned_alloc in C gives it.
    private (byte[] Memory, int Start) Allocate()
    {
        byte[] memory = GC.AllocateArray<byte>(Length + (2 * Alignment), pinned: true);
        nint address = System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(memory, 0);
        return (memory, (int)(-address & (Alignment - 1)));
    }
}
