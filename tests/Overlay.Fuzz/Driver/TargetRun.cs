namespace Overlay.Fuzz.Driver;

/// <summary>
/// One target in one process: first every seed, cut at every length, then changed ones without end. What reached something new is kept, and later inputs
/// are made from it. The same seed gives the same inputs.
/// </summary>
internal sealed class TargetRun
{
    // Cuts behind the headers of all layers find nothing that cuts in them do not.
    private const int MaxCut = 512;
    private const int MaxPool = 4096;

    private readonly FuzzTarget _target;
    private readonly int _index;
    private readonly Arena _arena;
    private readonly Coverage _coverage;
    private readonly List<byte[]> _pool;
    private readonly int _seeds;
    private readonly byte[] _known = new byte[Coverage.MapLength];
    private readonly byte[] _buffer = new byte[Arena.MaxInput];
    private SplitMix64 _random;
    private int _seed;
    private int _cut;
    private int _branches;

    /// <summary>Begins.</summary>
    /// <param name="target">The target.</param>
    /// <param name="index">Its place in the catalogue.</param>
    /// <param name="seeds">What the inputs are made from.</param>
    /// <param name="seed">Of the changes.</param>
    /// <param name="arena">Takes the inputs.</param>
    /// <param name="coverage">Of this process.</param>
    public TargetRun(FuzzTarget target, int index, IReadOnlyList<byte[]> seeds, ulong seed, Arena arena, Coverage coverage)
    {
        _target = target;
        _index = index;
        _arena = arena;
        _coverage = coverage;
        _pool = [.. seeds];
        _seeds = _pool.Count;
        _random = new SplitMix64(seed);
    }

    /// <summary>The target.</summary>
    public FuzzTarget Target => _target;

    /// <summary>Its place in the catalogue.</summary>
    public int Index => _index;

    /// <summary>Makes the next input and gives it to the target.</summary>
    /// <returns>What was found; null, as nearly always, for nothing.</returns>
    public Finding? Step()
    {
        int length = Next();
        ReadOnlySpan<byte> input = _buffer.AsSpan(0, length);
        // A read in front of the input is rarer than one behind it, but then nothing else shows it.
        Exception? exception = Run(input, atStart: _random.OneIn(8));
        bool isNew = _coverage.AddTo(_known, ref _branches);
        if (isNew && _pool.Count < _seeds + MaxPool)
        {
            _pool.Add(input.ToArray());
        }

        ref TargetCounters counters = ref _arena.Counters(_index);
        counters.Inputs++;
        counters.Pool = _pool.Count;
        counters.Branches = _branches;
        return exception is null ? null : new Finding(_target.Name, input.ToArray(), Finding.KeyOf(exception), exception.ToString());
    }

    /// <summary>Gives bytes to the target.</summary>
    /// <returns>What left it.</returns>
    public Exception? Run(ReadOnlySpan<byte> input, bool atStart)
    {
        ReadOnlySpan<byte> place = _arena.Begin(_index, input, atStart);
        _coverage.Reset();
        try
        {
            _target.Run(place);
            return null;
        }
        catch (Exception exception)
        {
            return exception;
        }
        finally
        {
            _arena.End();
        }
    }

    private int Next()
    {
        if (_seed < _seeds)
        {
            ReadOnlySpan<byte> seed = _pool[_seed];
            // The whole first, then one byte less each time, as far as headers reach.
            int length = _cut == 0 ? seed.Length : Math.Min(seed.Length, MaxCut) - _cut;
            seed[..Math.Max(length, 0)].CopyTo(_buffer);
            if (length <= 0)
            {
                _seed++;
                _cut = 0;
                return 0;
            }

            _cut++;
            return length;
        }

        // The new ones lead further.
        int from = _pool.Count > _seeds && _random.OneIn(2) ? _seeds + _random.Below(_pool.Count - _seeds) : _random.Below(_pool.Count);
        ReadOnlySpan<byte> parent = _pool.Count == 0 ? default : _pool[from];
        parent.CopyTo(_buffer);
        int changed = Mutator.Mutate(ref _random, _buffer, parent.Length, _pool);
        if (_target.Repair is { } repair && _random.OneIn(2))
        {
            repair(_buffer.AsSpan(0, changed));
        }

        return changed;
    }
}
