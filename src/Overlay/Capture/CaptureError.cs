namespace Overlay.Capture;

/// <summary>What is wrong with a capture.</summary>
public enum CaptureError : byte
{
    /// <summary>The bytes end inside a header, record or block.</summary>
    Truncated,

    /// <summary>The first bytes are those of no known format, or a section has no byte-order magic.</summary>
    BadMagic,

    /// <summary>The format's version is one this reader does not know.</summary>
    UnsupportedVersion,

    /// <summary>A length is larger than what is accepted, or does not fit the block it stands in.</summary>
    BadLength,

    /// <summary>An option does not fit its block or has the wrong length for its code.</summary>
    BadOption,

    /// <summary>A packet names an interface that its section has not described.</summary>
    UnknownInterface,

    /// <summary>A time lies outside the years 1677 to 2262, which nanoseconds in 64 bits can tell.</summary>
    BadTimestamp,

    /// <summary>A section describes more interfaces than are accepted.</summary>
    TooManyInterfaces,
}
