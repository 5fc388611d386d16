using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Overlay.Fuzz.Driver;

/// <summary>
/// Where a worker process puts its inputs: between two pages that nobody may touch, and in a file, so that whoever outlives the worker can read which
/// input of which target it died of.
/// </summary>
internal sealed unsafe partial class Arena : IDisposable
{
    /// <summary>The longest input.</summary>
    public const int MaxInput = 16 * 1024;

    /// <summary>The most targets.</summary>
    public const int MaxTargets = 128;

    private const int HeaderLength = 8192;
    private const int NoAccess = 0;
    private const int ReadWrite = 3;
    private const int Shared = 1;
    private const int PrivateAnonymous = 0x22;
    private const int Fixed = 0x10;
    private static readonly nint Failed = -1;

    private readonly SafeFileHandle _file;
    private readonly nint _mapping;
    private readonly nuint _mappingLength;
    private readonly Header* _header;
    private readonly TargetCounters* _counters;
    private readonly byte* _start;
    private bool _disposed;

    private Arena(SafeFileHandle file)
    {
        _file = file;
        int page = Environment.SystemPageSize;
        // Header, guard, inputs, guard.
        _mappingLength = (nuint)(HeaderLength + page + MaxInput + page);
        _mapping = mmap(0, _mappingLength, NoAccess, PrivateAnonymous, -1, 0);
        Check(_mapping != Failed);
        int handle = (int)file.DangerousGetHandle();
        Check(mmap(_mapping, HeaderLength, ReadWrite, Shared | Fixed, handle, 0) != Failed);
        _start = (byte*)_mapping + HeaderLength + page;
        Check(mmap((nint)_start, MaxInput, ReadWrite, Shared | Fixed, handle, HeaderLength) != Failed);
        _header = (Header*)_mapping;
        _counters = (TargetCounters*)((byte*)_mapping + sizeof(Header));
    }

    /// <summary>Inputs begun. A number that stands still while <see cref="IsRunning"/> is an input that does not end.</summary>
    public long Sequence => Volatile.Read(ref _header->Sequence);

    /// <summary>Whether an input is being looked at.</summary>
    public bool IsRunning => Volatile.Read(ref _header->Running) != 0;

    /// <summary>Whether the input lay right behind a guard, and not right before one.</summary>
    public bool IsAtStart => _header->AtStart != 0;

    /// <summary>The place in the catalogue of the target that the last input went to.</summary>
    public int Target => _header->Target;

    /// <summary>The last input.</summary>
    public ReadOnlySpan<byte> Input => Place(_header->Length, IsAtStart);

    /// <summary>Makes the file.</summary>
    public static Arena Create(string path)
    {
        SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.SetLength(file, HeaderLength + MaxInput);
        return new Arena(file);
    }

    /// <summary>Opens a file that another process has made.</summary>
    public static Arena Open(string path) => new(File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite));

    /// <summary>What a target has done.</summary>
    public ref TargetCounters Counters(int target)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)target, (uint)MaxTargets, nameof(target));
        return ref _counters[target];
    }

    /// <summary>Puts an input in its place and says so.</summary>
    public ReadOnlySpan<byte> Begin(int target, ReadOnlySpan<byte> input, bool atStart)
    {
        Span<byte> place = Place(input.Length, atStart);
        input.CopyTo(place);
        _header->Target = target;
        _header->Length = input.Length;
        _header->AtStart = atStart ? 1 : 0;
        Volatile.Write(ref _header->Sequence, _header->Sequence + 1);
        Volatile.Write(ref _header->Running, 1);
        return place;
    }

    /// <summary>Says that the input has been looked at.</summary>
    public void End() => Volatile.Write(ref _header->Running, 0);

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _ = munmap(_mapping, _mappingLength);
            _file.Dispose();
        }
    }

    private Span<byte> Place(int length, bool atStart)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)MaxInput, nameof(length));
        return new Span<byte>(atStart ? _start : _start + MaxInput - length, length);
    }

    private static void Check(bool mapped)
    {
        if (!mapped)
        {
            throw new Win32Exception(Marshal.GetLastSystemError(), "mmap");
        }
    }

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int handle, nint offset);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nuint length);

    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        public long Sequence;
        public int Running;
        public int Target;
        public int Length;
        public int AtStart;
    }
}
