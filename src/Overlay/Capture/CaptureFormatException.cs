namespace Overlay.Capture;

/// <summary>A capture is malformed: where, what is wrong, and what would be right.</summary>
public sealed class CaptureFormatException : FormatException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="error">What is wrong.</param>
    /// <param name="offset">The byte of the stream, from 0, that the message is about.</param>
    /// <param name="problem">A sentence without its full stop: what is wrong and what would be right.</param>
    public CaptureFormatException(CaptureError error, long offset, string problem)
        : base($"Byte {offset}: {problem}.")
    {
        Error = error;
        Offset = offset;
    }

    /// <summary>What is wrong.</summary>
    public CaptureError Error { get; }

    /// <summary>The byte of the stream, from 0, where it is wrong.</summary>
    public long Offset { get; }
}
