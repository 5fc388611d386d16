namespace Overlay.DataPath;

/// <summary>Numbers by the time that each is due: a heap that knows where each stands, so that a time is changed in logarithmic time. Not thread-safe.</summary>
internal sealed class DueQueue
{
    private const int Absent = -1;

    // The heap, and by number its place in it and its time.
    private int[] _heap = new int[16];
    private int[] _places = [];
    private long[] _times = [];

    /// <summary>How many numbers are in it.</summary>
    public int Count { get; private set; }

    /// <summary>The number that is due first; only while there is one.</summary>
    public int First => _heap[0];

    /// <summary>When the first is due; <see cref="long.MaxValue"/> if there is none.</summary>
    public long FirstTime => Count > 0 ? _times[_heap[0]] : long.MaxValue;

    /// <summary>Sets when a number is due; <see cref="long.MaxValue"/> takes it out.</summary>
    public void Set(int number, long time)
    {
        Reserve(number);
        int place = _places[number];
        if (time == long.MaxValue)
        {
            if (place != Absent)
            {
                Remove(place);
            }

            return;
        }

        if (place == Absent)
        {
            if (Count == _heap.Length)
            {
                Array.Resize(ref _heap, 2 * Count);
            }

            place = Count++;
        }

        _times[number] = time;
        Put(number, place);
        Settle(place);
    }

    private void Remove(int place)
    {
        _places[_heap[place]] = Absent;
        int last = _heap[--Count];
        if (place < Count)
        {
            Put(last, place);
            Settle(place);
        }
    }

    private void Settle(int place)
    {
        int number = _heap[place];
        long time = _times[number];
        while (place > 0 && _times[_heap[(place - 1) / 2]] > time)
        {
            Put(_heap[(place - 1) / 2], place);
            place = (place - 1) / 2;
        }

        while (true)
        {
            int child = (2 * place) + 1;
            if (child >= Count)
            {
                break;
            }

            if (child + 1 < Count && _times[_heap[child + 1]] < _times[_heap[child]])
            {
                child++;
            }

            if (_times[_heap[child]] >= time)
            {
                break;
            }

            Put(_heap[child], place);
            place = child;
        }

        Put(number, place);
    }

    private void Put(int number, int place)
    {
        _heap[place] = number;
        _places[number] = place;
    }

    private void Reserve(int number)
    {
        int length = _places.Length;
        if (number < length)
        {
            return;
        }

        int enough = Math.Max(number + 1, Math.Max(16, 2 * length));
        Array.Resize(ref _places, enough);
        Array.Resize(ref _times, enough);
        _places.AsSpan(length).Fill(Absent);
    }
}
