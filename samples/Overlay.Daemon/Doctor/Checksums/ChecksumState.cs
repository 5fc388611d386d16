namespace Overlay.Daemon.Doctor.Checksums;

/// <summary>What a checksum of a received packet is.</summary>
internal enum ChecksumState
{
    /// <summary>There is none to look at: a protocol without one, a fragment, or UDP that was sent without.</summary>
    None,

    /// <summary>Right.</summary>
    Right,

    /// <summary>That of the pseudo header alone: somebody left it for a device to finish, which did not.</summary>
    Partial,

    /// <summary>Wrong in another way.</summary>
    Wrong,
}
