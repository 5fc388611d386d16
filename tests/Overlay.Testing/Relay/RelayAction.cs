namespace Overlay.Testing.Relay;

/// <summary>What a <see cref="RelayRule"/> does with a packet.</summary>
public enum RelayAction
{
    /// <summary>The packet is lost.</summary>
    Drop,

    /// <summary>The packet is lost, and its sender told by "administratively prohibited" (RFC 1812 §5.2.7.1, RFC 4443 §3.1), as a firewall does that rejects.</summary>
    Reject,

    /// <summary>The packet goes on, and a copy directly behind it.</summary>
    Duplicate,

    /// <summary>The packet lets the next one of its direction pass first; when none comes within <see cref="RelayDirection.LongestHold"/> it goes on.</summary>
    Reorder,

    /// <summary>The packet is changed and goes on.</summary>
    Edit,
}
