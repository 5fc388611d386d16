namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>How a probe arrived; a byte of the wire format of answers.</summary>
internal enum ProbeArrival : byte
{
    /// <summary>Not at all so far.</summary>
    None = 0,

    /// <summary>It did, with a right checksum or in a protocol without one.</summary>
    Intact = 1,

    /// <summary>With a wrong outer checksum.</summary>
    WrongChecksum = 2,

    /// <summary>Without an outer checksum.</summary>
    NoChecksum = 3,
}
