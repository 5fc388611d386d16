using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Overlay.Capture;

/// <summary>
/// Reads pcap and pcapng as a stream: a file, a pipe, the output of a running tcpdump. Packets come as soon as their bytes are there. The format
/// and the byte order are found out from the first bytes.
/// </summary>
/// <remarks>
/// <para>pcap: version 2.4, microseconds and nanoseconds, both byte orders. pcapng: version 1, any number of sections in either byte order; enhanced,
/// simple and the obsolete packet blocks become packets, all other blocks but section headers and interface descriptions are passed over.</para>
/// <para>A malformed capture ends with a <see cref="CaptureFormatException"/> after the packets in front of the defect were delivered; a capture that
/// stops inside a record does so too, with <see cref="CaptureError.Truncated"/>. Memory is bounded by <see cref="MaxBlockLength"/>. Not thread-safe.</para>
/// </remarks>
public sealed class CaptureReader : IAsyncDisposable
{
    /// <summary>The largest pcapng block or pcap record, in bytes, that is accepted: 16 MiB.</summary>
    public const int MaxBlockLength = 16 * 1024 * 1024;

    /// <summary>The largest number of interfaces in a section that is accepted.</summary>
    public const int MaxInterfaces = 65_536;

    private const int MagicLength = 4;

    private readonly PipeReader _reader;
    private readonly List<CaptureInterface> _interfaces = [];
    private byte[] _scratch = [];
    private PcapDecoder? _pcap;
    private PcapNgDecoder? _pcapNg;
    private CaptureFormatException? _failure;
    private int _needed = MagicLength;
    private bool _ended;
    private bool _completed;

    /// <summary>Reads from a pipe, which <see cref="DisposeAsync"/> completes.</summary>
    public CaptureReader(PipeReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _reader = reader;
    }

    /// <summary>Reads from a stream.</summary>
    /// <param name="stream">A readable stream; it need not seek.</param>
    /// <param name="leaveOpen">Whether <see cref="DisposeAsync"/> leaves the stream open.</param>
    public CaptureReader(Stream stream, bool leaveOpen = false)
        : this(PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 64 * 1024, leaveOpen: leaveOpen)))
    {
    }

    /// <summary>The format, known once the first packet was read.</summary>
    public CaptureFormat Format { get; private set; }

    /// <summary>The interfaces of the current section that were described so far; one for a pcap file.</summary>
    public IReadOnlyList<CaptureInterface> Interfaces => _interfaces;

    /// <summary>The bytes of the capture that were understood so far: where the next record or block begins.</summary>
    public long Position { get; private set; }

    /// <summary>Reads the next packet.</summary>
    /// <returns>The packet, or null at the end of the capture.</returns>
    /// <exception cref="CaptureFormatException">The capture is malformed or ends inside a record. It is thrown again by further calls.</exception>
    /// <exception cref="OperationCanceledException">The read was cancelled; it may be tried again.</exception>
    public async ValueTask<CapturedPacket?> ReadAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_completed, this);
        if (_failure is not null)
        {
            throw _failure;
        }

        while (!_ended)
        {
            // Nothing is examined beyond what is asked for here, so no byte is looked at twice, however small the segments.
            ReadResult result = await _reader.ReadAtLeastAsync(_needed, cancellationToken).ConfigureAwait(false);
            if (result.IsCanceled)
            {
                _reader.AdvanceTo(result.Buffer.Start);
                throw new OperationCanceledException("The pending read of the pipe was cancelled.");
            }

            CapturedPacket? packet = null;
            int consumed = 0;
            try
            {
                if (result.Buffer.Length < _needed)
                {
                    End((int)result.Buffer.Length);
                    consumed = (int)result.Buffer.Length;
                }
                else
                {
                    consumed = Decode(result.Buffer.Slice(0, _needed), out packet);
                    Position += consumed;
                }
            }
            catch (CaptureFormatException exception)
            {
                _failure = exception;
                throw;
            }
            finally
            {
                _reader.AdvanceTo(result.Buffer.GetPosition(consumed));
            }

            if (packet is not null)
            {
                return packet;
            }
        }

        return null;
    }

    /// <summary>Reads the remaining packets.</summary>
    /// <exception cref="CaptureFormatException">As <see cref="ReadAsync"/>.</exception>
    public async IAsyncEnumerable<CapturedPacket> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await ReadAsync(cancellationToken).ConfigureAwait(false) is { } packet)
        {
            yield return packet;
        }
    }

    /// <summary>Completes the pipe, and so closes the stream unless it is to be left open.</summary>
    public ValueTask DisposeAsync()
    {
        if (_completed)
        {
            return ValueTask.CompletedTask;
        }

        _completed = true;
        return _reader.CompleteAsync();
    }

    // The bytes are over: at a boundary that is the end, anywhere else a defect.
    private void End(int remaining)
    {
        if (remaining > 0 || Format == CaptureFormat.Unknown || _pcap is { HasHeader: false })
        {
            string part = Format == CaptureFormat.PcapNg ? "a block" : _pcap is { HasHeader: true } ? "a record" : "its header";
            string where = Format == CaptureFormat.Unknown && remaining == 0 ? "the capture is empty" : $"the capture ends after {remaining} bytes of {part}";
            throw new CaptureFormatException(CaptureError.Truncated, Position + remaining, $"{where}; at least {_needed} bytes belong here");
        }

        _ended = true;
    }

    private int Decode(ReadOnlySequence<byte> sequence, out CapturedPacket? packet)
    {
        ReadOnlySpan<byte> bytes = Contiguous(sequence);
        packet = null;
        if (Format == CaptureFormat.Unknown)
        {
            Detect(bytes);
            return 0;
        }

        return _pcap is not null
            ? _pcap.Decode(bytes, Position, out _needed, out packet)
            : _pcapNg!.Decode(bytes, Position, out _needed, out packet);
    }

    private void Detect(ReadOnlySpan<byte> magic)
    {
        if (BinaryPrimitives.ReadUInt32BigEndian(magic) == PcapNgLayout.SectionHeaderBlock)
        {
            Format = CaptureFormat.PcapNg;
            _pcapNg = new PcapNgDecoder(_interfaces);
            _needed = PcapNgLayout.BlockOverhead;
        }
        else
        {
            _pcap = PcapDecoder.Create(magic, _interfaces);
            Format = CaptureFormat.Pcap;
            _needed = PcapDecoder.FileHeaderLength;
        }
    }

    private ReadOnlySpan<byte> Contiguous(ReadOnlySequence<byte> sequence)
    {
        if (sequence.IsSingleSegment)
        {
            return sequence.FirstSpan;
        }

        int length = (int)sequence.Length;
        if (_scratch.Length < length)
        {
            _scratch = new byte[Math.Max(length, Math.Min(2 * _scratch.Length, MaxBlockLength))];
        }

        sequence.CopyTo(_scratch);
        return _scratch.AsSpan(0, length);
    }
}
