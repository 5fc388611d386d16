using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;

namespace Overlay.Capture;

/// <summary>
/// Writes pcapng, or classic pcap, to a pipe or a stream. <see cref="Write"/> only lays bytes into the pipe's buffer; <see cref="FlushAsync"/>
/// hands them on and waits while the other side is behind. Not thread-safe.
/// </summary>
public sealed class CaptureWriter : IAsyncDisposable
{
    /// <summary>The largest packet, in bytes, that <see cref="Write"/> takes: with two comments it still fits what <see cref="CaptureReader"/> accepts.</summary>
    public const int MaxPacketLength = CaptureReader.MaxBlockLength - (256 * 1024);

    private readonly PipeWriter _writer;
    private readonly CaptureWriterOptions _options;
    private readonly byte[] _application;
    private readonly List<int> _snapLengths = [];
    private long _unflushed;
    private bool _begun;
    private bool _completed;

    /// <summary>Writes to a pipe, which <see cref="DisposeAsync"/> completes.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public CaptureWriter(PipeWriter writer, CaptureWriterOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(writer);
        _writer = writer;
        _options = options ?? new CaptureWriterOptions();
        if (_options.Format is not (CaptureFormat.Pcap or CaptureFormat.PcapNg))
        {
            throw new ArgumentException($"{_options.Format} cannot be written; {CaptureFormat.Pcap} and {CaptureFormat.PcapNg} can.", nameof(options));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(_options.FlushThreshold, nameof(options));
        _application = Encode(_options.Application, nameof(options));
    }

    /// <summary>Writes to a stream.</summary>
    /// <param name="stream">A writable stream; it need not seek.</param>
    /// <param name="options">How to write.</param>
    /// <param name="leaveOpen">Whether <see cref="DisposeAsync"/> leaves the stream open.</param>
    public CaptureWriter(Stream stream, CaptureWriterOptions? options = null, bool leaveOpen = false)
        : this(PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: leaveOpen)), options)
    {
    }

    /// <summary>How many interfaces were described so far.</summary>
    public int InterfaceCount => _snapLengths.Count;

    /// <summary>Describes an interface; at any time before its first packet.</summary>
    /// <param name="linkType">What its packets begin with.</param>
    /// <param name="name">Its name, up to 65 535 bytes of UTF-8.</param>
    /// <param name="description">More about it, up to 65 535 bytes of UTF-8.</param>
    /// <param name="snapLength">After how many bytes <see cref="Write"/> cuts its packets; 0 for never.</param>
    /// <returns>The interface's number, from 0.</returns>
    /// <exception cref="InvalidOperationException">The format is pcap, and there is an interface already.</exception>
    public int AddInterface(LinkType linkType, string? name = null, string? description = null, int snapLength = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(snapLength);
        ObjectDisposedException.ThrowIf(_completed, this);
        byte[] encodedName = Encode(name, nameof(name));
        byte[] encodedDescription = Encode(description, nameof(description));
        if (_options.Format == CaptureFormat.Pcap)
        {
            if (_begun)
            {
                throw new InvalidOperationException("A pcap file has one interface; write pcapng for more.");
            }

            _begun = true;
            Advance(WritePcapHeader(_writer.GetSpan(PcapDecoder.FileHeaderLength), linkType, snapLength));
        }
        else
        {
            Begin();
            Advance(PcapNgEncoder.WriteInterface(
                _writer.GetSpan(PcapNgEncoder.InterfaceMaxLength(encodedName, encodedDescription)), linkType, snapLength, encodedName, encodedDescription));
        }

        _snapLengths.Add(snapLength);
        return _snapLengths.Count - 1;
    }

    /// <summary>Lays a packet into the pipe's buffer, which grows until the next flush.</summary>
    /// <param name="interfaceId">What <see cref="AddInterface"/> returned.</param>
    /// <param name="unixNanoseconds">The time, in nanoseconds since 1970-01-01 UTC; not negative.</param>
    /// <param name="data">The bytes; cut to the interface's snap length.</param>
    /// <param name="direction">Which way it went.</param>
    /// <param name="comment">A comment, up to 65 535 bytes of UTF-8.</param>
    /// <param name="originalLength">The length on the wire, if <paramref name="data"/> was cut before; at least that of <paramref name="data"/>.</param>
    /// <exception cref="ArgumentException">An argument is out of its range.</exception>
    public void Write(
        int interfaceId,
        long unixNanoseconds,
        ReadOnlySpan<byte> data,
        PacketDirection direction = PacketDirection.Unknown,
        string? comment = null,
        long? originalLength = null)
    {
        ObjectDisposedException.ThrowIf(_completed, this);
        CheckInterface(interfaceId);
        ArgumentOutOfRangeException.ThrowIfNegative(unixNanoseconds);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(data.Length, MaxPacketLength, nameof(data));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((byte)direction, (byte)PacketDirection.Outbound, nameof(direction));
        long original = originalLength ?? data.Length;
        ArgumentOutOfRangeException.ThrowIfLessThan(original, data.Length, nameof(originalLength));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(original, uint.MaxValue, nameof(originalLength));
        byte[] encodedComment = Encode(comment, nameof(comment));

        int snapLength = _snapLengths[interfaceId];
        if (snapLength != 0 && data.Length > snapLength)
        {
            data = data[..snapLength];
        }

        if (_options.Format == CaptureFormat.Pcap)
        {
            Advance(WritePcapRecord(_writer.GetSpan(PcapDecoder.RecordHeaderLength + data.Length), unixNanoseconds, data, (uint)original));
            return;
        }

        int room = PcapNgEncoder.PacketMaxLength(data.Length, 1, encodedComment.Length);
        BlockWriter block = PcapNgEncoder.BeginPacket(_writer.GetSpan(room), interfaceId, unixNanoseconds, data, (uint)original, direction);
        if (comment is not null)
        {
            block.Option(PcapNgLayout.CommentOption, encodedComment);
        }

        Advance(block.End());
    }

    /// <summary>Writes a packet, as <see cref="Write"/>, and flushes when <see cref="CaptureWriterOptions.FlushThreshold"/> bytes have gathered.</summary>
    /// <returns>false if the reader of the pipe is gone: there is no use in writing more.</returns>
    public ValueTask<bool> WriteAsync(
        int interfaceId,
        long unixNanoseconds,
        ReadOnlyMemory<byte> data,
        PacketDirection direction = PacketDirection.Unknown,
        string? comment = null,
        long? originalLength = null,
        CancellationToken cancellationToken = default)
    {
        Write(interfaceId, unixNanoseconds, data.Span, direction, comment, originalLength);
        return _unflushed >= _options.FlushThreshold ? FlushAsync(cancellationToken) : ValueTask.FromResult(true);
    }

    /// <summary>Lays an interface's counters into the pipe's buffer; left out of pcap.</summary>
    /// <param name="interfaceId">What <see cref="AddInterface"/> returned.</param>
    /// <param name="unixNanoseconds">When they were read, in nanoseconds since 1970-01-01 UTC; not negative.</param>
    /// <param name="received">Packets that the interface saw (<c>isb_ifrecv</c>).</param>
    /// <param name="dropped">Those of them that the capture lost (<c>isb_ifdrop</c>).</param>
    public void WriteStatistics(int interfaceId, long unixNanoseconds, long received, long dropped)
    {
        ObjectDisposedException.ThrowIf(_completed, this);
        CheckInterface(interfaceId);
        ArgumentOutOfRangeException.ThrowIfNegative(unixNanoseconds);
        ArgumentOutOfRangeException.ThrowIfNegative(received);
        ArgumentOutOfRangeException.ThrowIfNegative(dropped);
        if (_options.Format == CaptureFormat.PcapNg)
        {
            Advance(PcapNgEncoder.WriteStatistics(_writer.GetSpan(PcapNgEncoder.StatisticsMaxLength), interfaceId, unixNanoseconds, received, dropped));
        }
    }

    /// <summary>Hands on what was written; waits while the other side is behind.</summary>
    /// <returns>false if the reader of the pipe is gone: there is no use in writing more.</returns>
    /// <exception cref="IOException">The stream failed.</exception>
    public async ValueTask<bool> FlushAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_completed, this);
        Begin();
        FlushResult result = await _writer.FlushAsync(cancellationToken).ConfigureAwait(false);
        _unflushed = 0;
        return !result.IsCompleted;
    }

    /// <summary>Flushes what was written and completes the pipe, and so closes the stream unless it is to be left open.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_completed)
        {
            return;
        }

        try
        {
            await FlushAsync().ConfigureAwait(false);
        }
        finally
        {
            _completed = true;
            await _writer.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>A text as the value of an option.</summary>
    /// <exception cref="ArgumentException">It is longer than the length field of an option can say.</exception>
    internal static byte[] Encode(string? text, string argument)
    {
        byte[] bytes = text is null ? [] : Encoding.UTF8.GetBytes(text);
        return bytes.Length <= ushort.MaxValue
            ? bytes
            : throw new ArgumentException($"The text has {bytes.Length} bytes of UTF-8; an option holds {ushort.MaxValue}.", argument);
    }

    // The section header goes out with the first block, or with an empty file. A pcap file begins with its interface.
    private void Begin()
    {
        if (_begun || _options.Format == CaptureFormat.Pcap)
        {
            return;
        }

        _begun = true;
        Advance(PcapNgEncoder.WriteSectionHeader(_writer.GetSpan(PcapNgEncoder.SectionHeaderMaxLength(_application)), _application));
    }

    private void Advance(int length)
    {
        _writer.Advance(length);
        _unflushed += length;
    }

    private void CheckInterface(int interfaceId)
    {
        if ((uint)interfaceId >= (uint)_snapLengths.Count)
        {
            throw new ArgumentOutOfRangeException(
                nameof(interfaceId), interfaceId, $"{_snapLengths.Count} interfaces were added; packets need the number that AddInterface returned.");
        }
    }

    private static int WritePcapHeader(Span<byte> destination, LinkType linkType, int snapLength)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, PcapDecoder.NanosecondMagic);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], PcapDecoder.MajorVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[6..], PcapDecoder.MinorVersion);
        destination[8..16].Clear();
        // Here zero is not "no limit"; 262144 is what libpcap itself takes for that.
        BinaryPrimitives.WriteUInt32LittleEndian(destination[16..], snapLength == 0 ? 262_144 : (uint)snapLength);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[20..], (uint)linkType);
        return PcapDecoder.FileHeaderLength;
    }

    private static int WritePcapRecord(Span<byte> destination, long unixNanoseconds, ReadOnlySpan<byte> data, uint originalLength)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)(unixNanoseconds / 1_000_000_000));
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], (uint)(unixNanoseconds % 1_000_000_000));
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], (uint)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], originalLength);
        data.CopyTo(destination[PcapDecoder.RecordHeaderLength..]);
        return PcapDecoder.RecordHeaderLength + data.Length;
    }
}
