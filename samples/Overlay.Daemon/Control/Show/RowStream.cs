using System.Buffers;
using System.Text.Json;

namespace Overlay.Daemon.Control.Show;

/// <summary>
/// The rows of an answer, sent in frames as they are written: what the daemon holds of a table of any size is one frame. A frame is
/// <c>{"ok":true,"result":[row,…],"more":true}</c>; the last one has <see cref="ShowEnd"/> as its result.
/// </summary>
/// <param name="call">Whose answer it is.</param>
internal sealed class RowStream(ControlCall call) : IDisposable
{
    // Below the size from which arrays live until the next full collection.
    private const int FrameBytes = 48 * 1024;

    private readonly ArrayBufferWriter<byte> _buffer = new(FrameBytes + 8 * 1024);
    private readonly Utf8JsonWriter _json = new(Stream.Null, new JsonWriterOptions { SkipValidation = true });
    private bool _isOpen;

    /// <summary>Rows begun so far.</summary>
    public long Count { get; private set; }

    /// <summary>Whether it is time for <see cref="FlushAsync"/>.</summary>
    public bool IsFull => _json.BytesCommitted + _json.BytesPending >= FrameBytes;

    /// <summary>Begins a row: the caller writes one JSON value.</summary>
    public Utf8JsonWriter Next()
    {
        if (!_isOpen)
        {
            _isOpen = true;
            _buffer.ResetWrittenCount();
            _json.Reset(_buffer);
            _json.WriteStartObject();
            _json.WriteBoolean("ok", true);
            _json.WriteStartArray("result");
        }

        Count++;
        return _json;
    }

    /// <summary>Sends what was written, if anything was.</summary>
    public async ValueTask FlushAsync()
    {
        if (!_isOpen)
        {
            return;
        }

        _isOpen = false;
        _json.WriteEndArray();
        _json.WriteBoolean("more", true);
        _json.WriteEndObject();
        _json.Flush();
        await call.SendPartAsync(_buffer.WrittenMemory).ConfigureAwait(false);
    }

    /// <summary>Sends what is left, and the end.</summary>
    /// <param name="isCut">Whether there are rows that were not sent.</param>
    public async ValueTask EndAsync(bool isCut)
    {
        await FlushAsync().ConfigureAwait(false);
        await call.SendAsync(ControlResponse.Success(JsonSerializer.SerializeToElement(new ShowEnd(Count, isCut), ControlJson.Default.ShowEnd))).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();
}

/// <summary>The end of a table.</summary>
/// <param name="Rows">How many rows were sent.</param>
/// <param name="Cut">Whether there are more that the limit kept back.</param>
internal sealed record ShowEnd(long Rows, bool Cut);
