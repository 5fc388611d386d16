namespace Overlay.Daemon.Doctor.Checksums;

/// <summary>What <c>doctor checksum</c> saw. The names are a public format.</summary>
internal sealed record ChecksumDetails
{
    /// <summary>The interface; empty for all.</summary>
    public required string Link { get; init; }

    /// <summary>Seconds that it looked.</summary>
    public required double Seconds { get; init; }

    /// <summary>Packets of a tunnel that came from the peer.</summary>
    public long Packets { get; set; }

    /// <summary>Those that never were on a wire, and whose checksum was left open for that reason: no fault, and not looked at.</summary>
    public long Unfinished { get; set; }

    /// <summary>With a wrong outer checksum.</summary>
    public long OuterWrong { get; set; }

    /// <summary>Without an outer checksum, though in UDP.</summary>
    public long OuterAbsent { get; set; }

    /// <summary>With a wrong checksum of the inner IPv4 header.</summary>
    public long InnerHeaderWrong { get; set; }

    /// <summary>With a right inner checksum.</summary>
    public long InnerRight { get; set; }

    /// <summary>With an inner checksum that nobody finished.</summary>
    public long InnerPartial { get; set; }

    /// <summary>With an inner checksum that is wrong otherwise.</summary>
    public long InnerWrong { get; set; }

    /// <summary>Without an inner checksum: another protocol, a fragment, UDP without.</summary>
    public long InnerAbsent { get; set; }
}
