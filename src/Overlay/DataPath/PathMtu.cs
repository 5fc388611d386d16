namespace Overlay.DataPath;

/// <summary>The MTU of the path to one remote.</summary>
/// <param name="Mtu">The largest outer IP packet in bytes, outer header included.</param>
/// <param name="Source">What it was found by.</param>
/// <param name="Since">When, in monotonic milliseconds.</param>
public readonly record struct PathMtu(int Mtu, PathMtuSource Source, long Since);
