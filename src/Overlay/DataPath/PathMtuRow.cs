namespace Overlay.DataPath;

/// <summary>All that is known of the path to one remote.</summary>
/// <param name="Index">The number of the remote in <see cref="PathMtus"/>.</param>
/// <param name="Remote">The remote.</param>
/// <param name="Path">What holds.</param>
/// <param name="Bound">What configuration or route allow at most, in bytes: learning lowers it and never lifts it.</param>
public readonly record struct PathMtuRow(int Index, ValueIPAddress Remote, PathMtu Path, int Bound);
