namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>One probe and what became of it.</summary>
internal sealed class Probe
{
    /// <summary>Its number in the session.</summary>
    public required byte Number { get; init; }

    /// <summary>What it looks like.</summary>
    public required ProbeForm Form { get; init; }

    /// <summary>The source port of the last attempt, where it has one.</summary>
    public required ushort SourcePort { get; set; }

    /// <summary>Bytes of the whole IP packet; 0 for as few as it takes.</summary>
    public int Length { get; init; }

    /// <summary>How it arrived, by the responder.</summary>
    public ProbeArrival Arrival { get; set; }

    /// <summary>Whether the target itself answered it by what its kernel does: an echo reply, or "port" or "protocol unreachable".</summary>
    public bool IsAnsweredByKernel { get; set; }

    /// <summary>Whether the target said that nobody listens on the port.</summary>
    public bool IsPortClosed { get; set; }

    /// <summary>Who said by ICMP that it is not allowed to pass; null if nobody did.</summary>
    public ValueIPAddress? ProhibitedBy { get; set; }

    /// <summary>What fits, as somebody on the path said; 0 if nobody did.</summary>
    public int ToldMtu { get; set; }

    /// <summary>Who said so.</summary>
    public ValueIPAddress? ToldBy { get; set; }

    /// <summary>Why it did not leave this host; null if it did.</summary>
    public string? Refused { get; set; }

    /// <summary>Whether it is known to have arrived.</summary>
    public bool HasArrived => Arrival != ProbeArrival.None || IsAnsweredByKernel;

    /// <summary>Whether more attempts would say nothing more.</summary>
    public bool IsDecided => HasArrived || ProhibitedBy is not null || ToldMtu != 0 || Refused is not null;
}
