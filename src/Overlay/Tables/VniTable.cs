using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>
/// Which VNIs exist on an endpoint, whose each is, and what belongs to it: with it, and nothing of another, a received packet is dealt with (RFC 7348 §5).
/// One writer; any number of readers, which take no lock and never allocate.
/// </summary>
/// <typeparam name="T">What belongs to a VNI.</typeparam>
public sealed class VniTable<T>
{
    private readonly NetworkMap<T> _networks = new();

    /// <summary>How many VNIs exist.</summary>
    public int Count => _networks.Count;

    /// <summary>Finds what belongs to a VNI. Any thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryLookup(Vni vni, out T value) => _networks.TryGet(vni.Value, out value);

    /// <summary>Adds a VNI. Writer only.</summary>
    /// <param name="vni">The VNI.</param>
    /// <param name="owner">Whose it is, for messages: the name of a tunnel.</param>
    /// <param name="value">What belongs to it.</param>
    /// <exception cref="ArgumentException">The VNI has an owner already; the message names both.</exception>
    public void Add(Vni vni, string owner, T value)
    {
        ArgumentNullException.ThrowIfNull(owner);
        if (_networks.Add(vni.Value, owner, value) is { } other)
        {
            throw new ArgumentException($"VNI {vni} of '{owner}' is that of '{other}' on this endpoint already; another VNI or endpoint is right.", nameof(vni));
        }
    }

    /// <summary>Removes a VNI: whatever comes with it is unknown then. Writer only.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Remove(Vni vni) => _networks.Remove(vni.Value);

    /// <summary>All VNIs, lowest first. Any thread.</summary>
    public IReadOnlyList<VniRow<T>> Snapshot() => _networks.Snapshot().ConvertAll(static row => new VniRow<T>(new Vni((uint)row.Number), row.Owner, row.Value));
}
