namespace Overlay.Wire;

/// <summary>Why bytes are not the packet that a parser was asked for: which field lied, in one byte.</summary>
public enum WireError : byte
{
    /// <summary>Nothing is wrong.</summary>
    None,

    /// <summary>The bytes end before the header, or before the length that the header announces.</summary>
    Truncated,

    /// <summary>The version field holds another version.</summary>
    Version,

    /// <summary>A header or address length field holds a value that the protocol forbids.</summary>
    HeaderLength,

    /// <summary>The length of the whole packet is smaller than its own header.</summary>
    TotalLength,

    /// <summary>Flags or reserved bits hold a combination that the protocol forbids.</summary>
    Flags,

    /// <summary>The checksum does not match.</summary>
    Checksum,

    /// <summary>A form of the protocol that this library does not read.</summary>
    Unsupported,
}
