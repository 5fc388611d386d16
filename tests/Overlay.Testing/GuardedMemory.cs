using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Overlay.Testing;

/// <summary>
/// Memory between two pages that nobody may touch: whatever reads or writes one byte outside of what lies at its end (or its start) ends the process
/// there and then, where a heap would only have given a wrong byte.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;
    private static readonly nint Failed = -1;

    private readonly nint _mapping;
    private readonly nuint _mappingLength;
    private readonly nint _start;
    private bool _disposed;

    /// <summary>Maps memory.</summary>
    /// <param name="length">How many bytes are needed; rounded up to whole pages.</param>
    /// <exception cref="Win32Exception">The kernel gave none.</exception>
    public GuardedMemory(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        int page = Environment.SystemPageSize;
        Length = (length + page - 1) / page * page;
        _mappingLength = (nuint)(Length + (2 * page));
        // All of it untouchable, then the middle opened.
        _mapping = mmap(0, _mappingLength, 0, PrivateAnonymous, -1, 0);
        if (_mapping == Failed)
        {
            throw new Win32Exception(Marshal.GetLastSystemError(), "mmap");
        }

        _start = _mapping + page;
        if (mprotect(_start, (nuint)Length, ReadWrite) != 0)
        {
            int error = Marshal.GetLastSystemError();
            _ = munmap(_mapping, _mappingLength);
            throw new Win32Exception(error, "mprotect");
        }
    }

    /// <summary>Bytes between the guards.</summary>
    public int Length { get; }

    /// <summary>The first byte between the guards.</summary>
    public nint Address => _start;

    /// <summary>The last bytes: the guard begins right behind them.</summary>
    public Span<byte> Last(int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)Length, nameof(length));
        return new Span<byte>((void*)(_start + Length - length), length);
    }

    /// <summary>The first bytes: the guard ends right before them.</summary>
    public Span<byte> First(int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)Length, nameof(length));
        return new Span<byte>((void*)_start, length);
    }

    /// <summary>Copies bytes to the end.</summary>
    /// <returns>The copy.</returns>
    public Span<byte> PutLast(ReadOnlySpan<byte> bytes)
    {
        Span<byte> copy = Last(bytes.Length);
        bytes.CopyTo(copy);
        return copy;
    }

    /// <summary>Copies bytes to the start.</summary>
    /// <returns>The copy.</returns>
    public Span<byte> PutFirst(ReadOnlySpan<byte> bytes)
    {
        Span<byte> copy = First(bytes.Length);
        bytes.CopyTo(copy);
        return copy;
    }

    /// <summary>Gives the memory back; spans of it must not be used any more.</summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _ = munmap(_mapping, _mappingLength);
        }
    }

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int handle, nint offset);

    [LibraryImport("libc")]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nuint length);
}
