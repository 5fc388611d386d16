namespace Overlay.DataPath;

/// <summary>What became of a packet that was offered to a <see cref="CoalescedFlow"/>.</summary>
internal enum AppendResult : byte
{
    /// <summary>It is part of the superpacket now.</summary>
    Merged,

    /// <summary>It is the last part of the superpacket.</summary>
    MergedAsLast,

    /// <summary>It does not continue the superpacket; it may begin another.</summary>
    Refused,

    /// <summary>A checksum of it is wrong: it must not merge with anything.</summary>
    Damaged,
}
