namespace Overlay.DataPath;

/// <summary>What a tunnel does with packets from where they should not come from.</summary>
public enum SourceCheck : byte
{
    /// <summary>Nobody looks.</summary>
    Off,

    /// <summary>They pass as if nobody looked, and are counted in <see cref="DirectionCounters.Tolerated"/>.</summary>
    Count,

    /// <summary>They are dropped, and counted as every drop.</summary>
    Enforce,
}
