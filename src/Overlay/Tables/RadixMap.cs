namespace Overlay.Tables;

/// <summary>
/// Objects by numbers of 24 bits. Nothing in it ever changes: a change makes a new one, which shares with the old one all but four arrays of 64.
/// </summary>
/// <typeparam name="T">The objects.</typeparam>
internal readonly struct RadixMap<T>
    where T : class
{
    private const int LevelBits = 6;
    private const int Width = 1 << LevelBits;
    private const uint Mask = Width - 1;

    private readonly T?[]?[]?[]?[]? _root;

    private RadixMap(T?[]?[]?[]?[] root) => _root = root;

    /// <summary>The object of a number; null if there is none.</summary>
    public T? this[uint key] => _root?[(key >> (3 * LevelBits)) & Mask]?[(key >> (2 * LevelBits)) & Mask]?[(key >> LevelBits) & Mask]?[key & Mask];

    /// <summary>The map with another object for a number, or none.</summary>
    public RadixMap<T> With(uint key, T? value)
    {
        T?[]?[]?[]? first = _root?[(key >> (3 * LevelBits)) & Mask];
        T?[]?[]? second = first?[(key >> (2 * LevelBits)) & Mask];
        T?[]? third = second?[(key >> LevelBits) & Mask];
        third = With(third, key & Mask, value);
        second = With(second, (key >> LevelBits) & Mask, third);
        first = With(first, (key >> (2 * LevelBits)) & Mask, second);
        return With(_root, (key >> (3 * LevelBits)) & Mask, first) is { } root ? new RadixMap<T>(root) : default;
    }

    /// <summary>Calls for each object, in the order of numbers.</summary>
    public void ForEach(Action<uint, T> visit)
    {
        for (uint i = 0; i < Width; i++)
        {
            for (uint j = 0; j < Width && _root?[i] is not null; j++)
            {
                for (uint k = 0; k < Width && _root[i]![j] is not null; k++)
                {
                    T?[]? items = _root[i]![j]![k];
                    for (uint l = 0; l < Width && items is not null; l++)
                    {
                        if (items[l] is { } item)
                        {
                            visit((((((i << LevelBits) | j) << LevelBits) | k) << LevelBits) | l, item);
                        }
                    }
                }
            }
        }
    }

    /// <summary>A copy with another element; null when no element is left.</summary>
    private static TElement?[]? With<TElement>(TElement?[]? array, uint index, TElement? element)
        where TElement : class
    {
        TElement?[] copy = array is null ? new TElement?[Width] : array.AsSpan().ToArray();
        copy[index] = element;
        return element is null && copy.AsSpan().IndexOfAnyExcept((TElement?)null) < 0 ? null : copy;
    }
}
