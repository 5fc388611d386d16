namespace Overlay.DataPath;

/// <summary>A probe that is to be sent.</summary>
/// <param name="Remote">The number of the remote.</param>
/// <param name="Size">The length of the outer IP packet in bytes.</param>
/// <param name="Nonce">What the answer must repeat.</param>
public readonly record struct PathProbe(int Remote, int Size, ulong Nonce);
