namespace Overlay.Tables;

/// <summary>
/// The values of a route table, each kept once and known by a small number: many prefixes lead to few remotes. Writer only; readers index the array
/// that the table published with the numbers.
/// </summary>
/// <remarks>
/// A reader may hold an old table for as long as it likes. Therefore a number is never used again in the array it was used in: numbers that fell free
/// are used again in the next array, which older tables do not know.
/// </remarks>
/// <typeparam name="T">What a prefix leads to.</typeparam>
internal sealed class RouteValues<T>
    where T : notnull
{
    /// <summary>The largest number: of 23 bits, which leave 9 of a word for the place of a rule; one says that a look-up has to go further.</summary>
    public const uint MaxNumber = IPv4Band.Further - 1;

    private const int MinCapacity = 16;

    private readonly Dictionary<T, uint> _numbers = [];
    private readonly Stack<uint> _free = [];
    private readonly List<uint> _dead = [];
    private int[] _uses = new int[MinCapacity];
    private uint _next = 1;

    /// <summary>The values by number; 0 is no value.</summary>
    public T?[] Array { get; private set; } = new T?[MinCapacity];

    /// <summary>Counts one use of a value and gives its number.</summary>
    /// <exception cref="InvalidOperationException">There are as many different values as there are numbers.</exception>
    public uint Retain(T value)
    {
        if (!_numbers.TryGetValue(value, out uint number))
        {
            number = Take();
            Array[number] = value;
            _numbers.Add(value, number);
        }

        _uses[number]++;
        return number;
    }

    /// <summary>Counts one use less; the last one frees the number.</summary>
    public void Release(uint number)
    {
        if (--_uses[number] == 0)
        {
            // The value stays where it is: readers of an older table still ask for it.
            _numbers.Remove(Array[number]!);
            _dead.Add(number);
        }
    }

    private uint Take()
    {
        if (_free.TryPop(out uint number))
        {
            return number;
        }

        if (_next == Array.Length)
        {
            Renew();
            return Take();
        }

        return _next++;
    }

    /// <summary>A new array, in which the numbers that fell free may be used again.</summary>
    private void Renew()
    {
        if (_numbers.Count == MaxNumber)
        {
            throw new InvalidOperationException($"A route table leads to {MaxNumber} different values at most; it is full.");
        }

        // At least half of what stands in it is free then, so that the copying is paid for by as many new values.
        long wanted = Math.Max(MinCapacity, 2L * (_numbers.Count + 1));
        T?[] renewed = new T?[(int)Math.Min(Math.Max(wanted, _next), MaxNumber + 1)];
        int[] uses = new int[renewed.Length];
        Array.AsSpan(0, (int)_next).CopyTo(renewed);
        _uses.AsSpan(0, (int)_next).CopyTo(uses);
        foreach (uint number in _dead)
        {
            renewed[number] = default;
            _free.Push(number);
        }

        _dead.Clear();
        _uses = uses;
        Array = renewed;
    }
}
