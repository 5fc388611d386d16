using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>Puts Geneve options one behind the other into memory of the caller, for <see cref="GeneveHeader"/> (RFC 8926 §3.5).</summary>
/// <remarks>
/// <code>
/// GeneveOptionsBuilder options = new(stackalloc byte[GenevePacket.MaximumOptionsLength]);
/// options.TryAdd(0x0102, GeneveOption.CriticalBit | 1, data);
/// new GeneveHeader(vni).TryWrite(destination, options.Written, out int length);
/// </code>
/// Like every value that changes, a copy of it goes its own way: pass it by <c>ref</c>.
/// </remarks>
public ref struct GeneveOptionsBuilder
{
    private readonly Span<byte> _memory;
    private int _length;

    /// <summary>Starts with no option.</summary>
    /// <param name="memory">Where the options go. More than 252 bytes of it are never used: a header cannot hold more.</param>
    public GeneveOptionsBuilder(Span<byte> memory) =>
        _memory = memory[..Math.Min(memory.Length, GenevePacket.MaximumOptionsLength)];

    /// <summary>The options so far.</summary>
    public readonly ReadOnlySpan<byte> Written => _memory[.._length];

    /// <summary>Whether one of them has the critical bit: then the header that is written with them has its C bit.</summary>
    public bool HasCriticalOption { readonly get; private set; }

    /// <summary>Adds an option; its reserved bits are zero.</summary>
    /// <param name="optionClass">The name space of the type.</param>
    /// <param name="type">The type, with <see cref="GeneveOption.CriticalBit"/> if a receiver that does not know it must drop the packet.</param>
    /// <param name="data">0 to 124 bytes, a multiple of four.</param>
    /// <returns>false, with nothing written, if the memory is too short or all options were longer than the 252 bytes that a header holds.</returns>
    /// <exception cref="ArgumentException">The data have another length: no option can hold them.</exception>
    public bool TryAdd(ushort optionClass, byte type, scoped ReadOnlySpan<byte> data)
    {
        if (data.Length > GeneveOption.MaximumDataLength || data.Length % GeneveOption.LengthUnit != 0)
        {
            throw new ArgumentException(
                $"The data of a Geneve option are 0 to {GeneveOption.MaximumDataLength} bytes, a multiple of four; these are {data.Length}.", nameof(data));
        }

        Span<byte> free = _memory[_length..];
        if (free.Length < GeneveOption.HeaderLength + data.Length)
        {
            return false;
        }

        // First the data: they may lie in this memory.
        data.CopyTo(free[GeneveOption.HeaderLength..]);
        BinaryPrimitives.WriteUInt32BigEndian(free, ((uint)optionClass << 16) | ((uint)type << 8) | (uint)(data.Length / GeneveOption.LengthUnit));
        _length += GeneveOption.HeaderLength + data.Length;
        HasCriticalOption |= (type & GeneveOption.CriticalBit) != 0;
        return true;
    }
}
