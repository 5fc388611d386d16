namespace Overlay.Tables;

/// <summary>What <see cref="ForwardingTable.Replace"/> did.</summary>
/// <param name="Present">Entries of the origin that there are now.</param>
/// <param name="Removed">Entries of the origin that were there and are no more.</param>
/// <param name="Overruled">Entries of the set that were not taken, because a static entry holds their key.</param>
public readonly record struct ForwardingReplacement(int Present, int Removed, int Overruled);
