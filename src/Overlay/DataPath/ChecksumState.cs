namespace Overlay.DataPath;

/// <summary>What is known of the transport checksum of an inner packet.</summary>
public enum ChecksumState : byte
{
    /// <summary>The field holds what the sender wrote; nobody has looked.</summary>
    Unverified,

    /// <summary>The field holds the pseudo-header sum only; whoever puts the packet on a wire completes it.</summary>
    Partial,

    /// <summary>The field was verified, or the packet never left this host.</summary>
    Verified,
}
