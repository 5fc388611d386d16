namespace Overlay.DataPath;

/// <summary>
/// The state machine of RFC 8899 §5.2 for the path to one remote: which size is probed next and when, and what follows from an answer or the lack of one.
/// </summary>
/// <remarks>
/// <para>
/// Between <c>_low</c>, which was answered, and <c>_high</c>, above which nothing passes, lies what the search does not know yet. A size without an answer is
/// under suspicion at once, and the search goes on below it while the PROBE_TIMER still runs; when the timer expires as often as MAX_PROBES for one size,
/// that is given up. So PROBE_COUNT is kept for each size: several sizes lost once say less than one size lost three times.
/// </para>
/// <para>
/// Several probes may be on their way, of different sizes and never sooner after one another than a round trip (§3 item 7, §8). Until an answer has shown
/// how long that is, there is one at a time.
/// </para>
/// <para>
/// When a confirmation fails, smaller sizes are probed beside its repetitions: once MAX_PROBES are lost it is known already what does pass. Where nothing
/// passes, not the size is at fault but the remote or its connection, and the size in use stays as it is: inner hosts would remember a smaller one for ten
/// minutes. That is also why nothing is told before a search has ended ("methods avoid forcing an application to use an arbitrary small MPS", §3).
/// </para>
/// </remarks>
internal sealed class ProbedPath
{
    private const int MaxFlights = 16;
    private const int MaxSuspects = 16;
    private const long Never = long.MaxValue;

    // Answers are collected every few milliseconds.
    private const long LeastSpacing = 20;
    private const long LongestProbeTimer = 15_000;
    private const long LongestReturn = 60_000;

    private readonly int _number;
    private readonly PathProberOptions _options;
    private readonly IPathMtuSink _sink;
    private readonly bool _isIPv4;
    private readonly Flight[] _flights = new Flight[MaxFlights];
    private readonly Suspect[] _suspects = new Suspect[MaxSuspects];
    private int _flightCount;
    private int _suspectCount;

    private int _maximum;
    private int _low;
    private int _high;
    private int _hint;
    private int _anchor;
    private int _baseLosses;
    private int _minimumLosses;
    private int _confirmationLosses;
    private int _declareAfter;
    private bool _isSearching;
    private bool _isConfirming;
    private bool _isActive;
    private bool _isRouterDoubted;
    private bool _brokeSearchOff;
    private long _lastSent = long.MinValue / 2;
    private long _lastAnswer;
    private int _lastFloor;
    private long _confirmAt;
    private long _raiseAt;
    private long _retryAt = long.MinValue;
    private long _ignorePacketTooBigUntil = long.MinValue;
    private int _retries;

    /// <param name="number">The number of the remote.</param>
    /// <param name="isIPv4">The family of the outer header.</param>
    /// <param name="maximum">The largest size that can leave here, in bytes.</param>
    /// <param name="options">Timers and constants.</param>
    /// <param name="sink">Takes what is found.</param>
    public ProbedPath(int number, bool isIPv4, int maximum, PathProberOptions options, IPathMtuSink sink)
    {
        _number = number;
        _isIPv4 = isIPv4;
        _options = options;
        _sink = sink;
        _maximum = maximum;
    }

    /// <summary>Called after each change of state, also where two follow at once.</summary>
    public Action<PathProbeState, PathProbeCause>? Entered { get; set; }

    /// <summary>The state.</summary>
    public PathProbeState State { get; private set; }

    /// <summary>What led to it.</summary>
    public PathProbeCause Cause { get; private set; }

    /// <summary>Since when.</summary>
    public long Since { get; private set; }

    /// <summary>The size in use; 0 while none is known.</summary>
    public int Size { get; private set; }

    /// <summary>Whether the remote answers probes.</summary>
    public bool HasAnswered { get; private set; }

    /// <summary>The round trip, the longest of late; −1 while unknown.</summary>
    public long RoundTrip { get; private set; } = -1;

    private int Base => Math.Min(_isIPv4 ? _options.BaseIPv4 : PathProberOptions.BaseIPv6, _maximum);

    private int Minimum => Math.Min(_isIPv4 ? _options.MinimumIPv4 : PathProberOptions.BaseIPv6, _maximum);

    // Longer than it takes to receive an answer (§5.1.1).
    private long ProbeTimer => Math.Max(_options.ProbeTimer, Math.Min(3 * RoundTrip, LongestProbeTimer));

    // When nothing is on its way, an answer has come, so a round trip has passed since the last probe, or a PROBE_TIMER has.
    private long Spacing => RoundTrip < 0
        ? _flightCount > 0 ? ProbeTimer : 0
        : _flightCount > 0 ? Math.Clamp(2 * RoundTrip, LeastSpacing, ProbeTimer) : RoundTrip;

    /// <summary>When <see cref="Next"/> wants to be asked; <see cref="long.MaxValue"/> for never, unless something happens.</summary>
    public long Due
    {
        get
        {
            long due = Never;
            long timer = ProbeTimer;
            foreach (ref readonly Flight flight in Flights)
            {
                due = Math.Min(due, flight.SentAt + timer);
            }

            if (_isActive)
            {
                due = Math.Min(due, State == PathProbeState.Disabled ? _retryAt : IsResting && Size < _maximum ? _raiseAt : Never);
                due = CanConfirm ? Math.Min(due, Math.Max(_confirmAt, _lastSent + Spacing)) : due;
            }

            return ChooseUnlessConfirming() != 0 ? Math.Min(due, _lastSent + Spacing) : due;
        }
    }

    private Span<Flight> Flights => _flights.AsSpan(0, _flightCount);

    private Span<Suspect> Suspects => _suspects.AsSpan(0, _suspectCount);

    // The search is over, and its result holds.
    private bool IsResting => !_isSearching && State is PathProbeState.SearchComplete or PathProbeState.Error;

    // While a search goes on above the size in use, packets of that size flow, and may vanish.
    private bool CanConfirm => Size > 0 && !_isConfirming && State != PathProbeState.Disabled && !(_isSearching && _low == 0) && !IsOnItsWay(Size);

    /// <summary>Says what there is to be done at a time.</summary>
    /// <returns>The size of the probe to be sent now; 0 for none.</returns>
    public int Next(long now)
    {
        Expire(now);
        StartWhatIsDue(now);
        if (now < _lastSent + Spacing || _flightCount == MaxFlights)
        {
            return 0;
        }

        return _isActive && CanConfirm && now >= _confirmAt ? Size : ChooseUnlessConfirming();
    }

    /// <summary>A probe is on its way.</summary>
    public void Sent(int size, ulong nonce, long now)
    {
        if (size == Size && !_isConfirming)
        {
            _confirmAt = now + _options.ConfirmationTimer;
            _isActive = false;
        }

        _flights[_flightCount++] = new Flight(size, nonce, now);
        _lastSent = now;
        _lastFloor = size == Base || size == Minimum ? size : _lastFloor;
    }

    /// <summary>Packets flow to the remote that are large enough for their size to matter.</summary>
    public void Use() => _isActive = true;

    /// <summary>The remote has sent a probe: it knows what a probe is, and can be asked again.</summary>
    public void Hear(long now)
    {
        if (State == PathProbeState.Disabled && _retryAt > now)
        {
            _retryAt = now;
            _retries = 0;
        }
    }

    /// <summary>Takes an answer.</summary>
    /// <returns>false if it answers no probe that is on its way: late, a second one, or forged.</returns>
    public bool Answer(ulong nonce, long now)
    {
        for (int i = 0; i < _flightCount; i++)
        {
            if (_flights[i].Nonce == nonce)
            {
                Flight flight = _flights[i];
                RemoveFlight(i);
                long sample = now - flight.SentAt;
                RoundTrip = RoundTrip < 0 ? sample : Math.Max(sample, ((7 * RoundTrip) + sample) / 8);
                Answered(flight.Size, now);
                return true;
            }
        }

        return false;
    }

    /// <summary>The link refused to send a size.</summary>
    public void Refuse(int size, long now)
    {
        if (size <= _maximum && size > Minimum)
        {
            SetMaximum(size - 1, now);
        }
    }

    /// <summary>Changes the largest size that can leave here.</summary>
    public void SetMaximum(int maximum, long now)
    {
        bool grows = maximum > _maximum;
        if (maximum == _maximum)
        {
            return;
        }

        _maximum = maximum;
        if (grows)
        {
            // Something has changed that is known for sure, so there is no reason to wait for the timer.
            _raiseAt = now;
            _high = _isSearching && !_isConfirming ? maximum : _high;
            return;
        }

        for (int i = _flightCount - 1; i >= 0; i--)
        {
            if (_flights[i].Size > maximum)
            {
                RemoveFlight(i);
            }
        }

        if (Size > maximum)
        {
            Size = maximum;
            _isConfirming = false;
            _sink.Found(_number, maximum, now);
        }

        if (_isSearching)
        {
            _low = Math.Min(_low, maximum);
            LowerHigh(maximum);
            FinishIfDone(now);
        }
    }

    /// <summary>Takes what a router says of a packet of ours (RFC 8899 §4.6.2). It never sets the size; it says what to probe.</summary>
    /// <returns>Whether anything follows from it.</returns>
    public bool PacketTooBig(int size, long now)
    {
        if (State == PathProbeState.Disabled || size < Minimum || size >= LargestProbed || now < _ignorePacketTooBigUntil)
        {
            return false;
        }

        // RFC 1191 §6.3: no larger size is tried for a while.
        _raiseAt = Math.Max(_raiseAt, now + _options.RaiseTimer);
        if (Size > size)
        {
            if (!_isConfirming)
            {
                BeginConfirming();
            }

            // Two witnesses: the router, and the first probe of the size in use that is lost.
            _declareAfter = 1;
            _isRouterDoubted = true;
            _hint = size;
            Enter(size < Base ? PathProbeState.Error : PathProbeState.Base, PathProbeCause.PacketTooBig, now);
            return true;
        }

        if (!_isSearching)
        {
            return false;
        }

        if (_low == 0)
        {
            _hint = size;
            if (size < Base && State == PathProbeState.Base)
            {
                EnterError(PathProbeCause.PacketTooBig, now);
            }

            return true;
        }

        if (size < _low)
        {
            // What was answered a moment ago does not pass any more.
            Begin(size < Base ? PathProbeState.Error : PathProbeState.Base, PathProbeCause.PacketTooBig, now);
            _hint = size;
        }
        else if (size > _low)
        {
            _hint = size;
        }
        else
        {
            LowerHigh(size);
            FinishIfDone(now);
        }

        return true;
    }

    private int LargestProbed
    {
        get
        {
            int largest = Math.Max(Size, _low);
            foreach (ref readonly Flight flight in Flights)
            {
                largest = Math.Max(largest, flight.Size);
            }

            return largest;
        }
    }

    private void StartWhatIsDue(long now)
    {
        if (!_isActive)
        {
            return;
        }

        if (State == PathProbeState.Disabled)
        {
            if (now >= _retryAt)
            {
                Begin(PathProbeState.Base, PathProbeCause.Connectivity, now);
            }
        }
        else if (IsResting && Size < _maximum && now >= _raiseAt)
        {
            _isSearching = true;
            _low = Size;
            _high = _maximum;
            _hint = 0;
            _suspectCount = 0;
            Enter(State == PathProbeState.Error ? PathProbeState.Error : PathProbeState.Searching, PathProbeCause.RaiseTimer, now);
        }
    }

    private void Begin(PathProbeState state, PathProbeCause cause, long now)
    {
        _isSearching = true;
        _isConfirming = false;
        _low = 0;
        _high = _maximum;
        // What passed before may do so again.
        _hint = Size;
        _baseLosses = 0;
        _minimumLosses = 0;
        _suspectCount = 0;
        _flightCount = 0;
        Enter(state, cause, now);
    }

    private void BeginConfirming()
    {
        _brokeSearchOff = _isSearching;
        _isRouterDoubted = false;
        _isConfirming = true;
        _isSearching = true;
        _lastFloor = 0;
        _declareAfter = _options.MaxProbes;
        _confirmationLosses = 0;
        _low = 0;
        _high = Size - 1;
        _hint = 0;
        _suspectCount = 0;
    }

    // What a search or a repeated confirmation wants to send, as soon as there may be a probe.
    private int ChooseUnlessConfirming()
    {
        if (!_isSearching || _flightCount == MaxFlights)
        {
            return 0;
        }

        if (_isConfirming && !IsOnItsWay(Size))
        {
            return Size;
        }

        return _low == 0 ? ChooseBase() : ChooseAbove();
    }

    private int ChooseBase()
    {
        // In turns, for there may be one at a time only.
        bool alsoMinimum = State == PathProbeState.Error || _isConfirming;
        return alsoMinimum && _lastFloor == Base && !IsOnItsWay(Minimum) ? Minimum
            : !IsOnItsWay(Base) ? Base
            : 0;
    }

    private int ChooseAbove()
    {
        int bound = _high;
        foreach (ref readonly Suspect suspect in Suspects)
        {
            bound = suspect.Size > _low ? Math.Min(bound, suspect.Size - 1) : bound;
        }

        foreach (ref readonly Flight flight in Flights)
        {
            bound = flight.Size > _low ? Math.Min(bound, flight.Size - 1) : bound;
        }

        if (bound > _low)
        {
            return Pick(bound);
        }

        return _low < _high && !IsOnItsWay(_low + 1) ? _low + 1 : 0;
    }

    private int Pick(int bound)
    {
        if (_hint > _low && _hint <= bound)
        {
            return _hint;
        }

        if (bound == _maximum)
        {
            // Most paths carry what the link does.
            return bound;
        }

        if (_low == _hint || _low == _anchor || LikelyPathMtus.Contains(_low))
        {
            // If that is the MTU of some link of the path, nothing above passes.
            return _low + 1;
        }

        int likely = LikelyPathMtus.Middle(_low, bound);
        return likely != 0 ? likely : _low + ((bound - _low + 1) / 2);
    }

    private void Expire(long now)
    {
        long timer = ProbeTimer;
        for (int i = 0; i < _flightCount;)
        {
            if (now - _flights[i].SentAt < timer)
            {
                i++;
                continue;
            }

            int size = _flights[i].Size;
            RemoveFlight(i);
            Lost(size, now);
        }
    }

    private void Lost(int size, long now)
    {
        if (size == Size && (_isConfirming || !(_isSearching && _low == 0)))
        {
            if (!_isConfirming)
            {
                BeginConfirming();
            }

            if (++_confirmationLosses >= _declareAfter)
            {
                Judge(now);
            }
        }
        else if (!_isSearching || size > _high || size <= _low)
        {
            // About a question that nobody asks any more.
            return;
        }
        else if (_low == 0)
        {
            LoseBase(size, now);
        }
        else
        {
            Doubt(size);
            FinishIfDone(now);
        }
    }

    private void LoseBase(int size, long now)
    {
        if (_isConfirming)
        {
            // The repetitions of the confirmation decide.
            return;
        }

        if (State == PathProbeState.Error)
        {
            if (size == Minimum && ++_minimumLosses >= _options.MaxProbes)
            {
                GiveUp(now);
            }
        }
        else if (size == Base && ++_baseLosses >= _options.MaxProbes)
        {
            EnterError(PathProbeCause.BaseUnanswered, now);
        }
    }

    private void EnterError(PathProbeCause cause, long now)
    {
        _minimumLosses = 0;
        Enter(PathProbeState.Error, cause, now);
    }

    private void GiveUp(long now)
    {
        _isSearching = false;
        _isActive = false;
        _flightCount = 0;
        // Who has answered before is likely to come back soon.
        long first = HasAnswered ? 1_000 : _options.RetryTimer;
        long longest = HasAnswered ? LongestReturn : Math.Max(_options.RaiseTimer, _options.RetryTimer);
        _retryAt = now + Math.Min(longest, first << Math.Min(_retries++, 20));
        Enter(PathProbeState.Disabled, PathProbeCause.NoAnswer, now);
        if (HasAnswered && now - _lastAnswer >= _options.RaiseTimer)
        {
            HasAnswered = false;
            Size = 0;
            _sink.Forgotten(_number, now);
        }
    }

    // The size in use was probed in vain.
    private void Judge(long now)
    {
        _isConfirming = false;
        if (_low == 0)
        {
            // Nor was anything smaller answered: it is not known whether the size is at fault.
            Begin(PathProbeState.Base, PathProbeCause.BlackHole, now);
            return;
        }

        Enter(PathProbeState.Base, PathProbeCause.BlackHole, now);
        Size = _low;
        _anchor = 0;
        _sink.BlackHole(_number, Size, now);
        // The base size, or the least, has been answered meanwhile.
        Enter(_low < Base ? PathProbeState.Error : PathProbeState.Searching, _low < Base ? PathProbeCause.BaseUnanswered : PathProbeCause.BaseAnswered, now);
        FinishIfDone(now);
    }

    private void Answered(int size, long now)
    {
        _lastAnswer = now;
        HasAnswered = true;
        _retries = 0;
        if (Size > 0 && size >= Size)
        {
            // What is larger confirms it as well.
            _confirmAt = now + _options.ConfirmationTimer;
            if (_isConfirming)
            {
                Confirm(now);
            }
        }

        if (!_isSearching || size <= _low)
        {
            Raise(size, now);
            return;
        }

        _low = size;
        _high = Math.Max(_high, size);
        ForgetSuspectsOnce(size);
        if (State is PathProbeState.Base or PathProbeState.Error)
        {
            if (size >= Base)
            {
                Enter(PathProbeState.Searching, PathProbeCause.BaseAnswered, now);
            }
            else if (!_isConfirming && (Size == 0 || Size > size))
            {
                // "It signals a conservative value" (§5.2): the base size was lost as often as it is tried, and this passes.
                Size = size;
                _sink.BlackHole(_number, size, now);
            }
        }

        Raise(size, now);
        FinishIfDone(now);
    }

    // Each step up is of use at once; only the first search tells nothing before its end.
    private void Raise(int size, long now)
    {
        if (Size > 0 && !_isConfirming && size > Size)
        {
            Size = size;
            _sink.Found(_number, size, now);
        }
    }

    private void Confirm(long now)
    {
        _isConfirming = false;
        _isSearching = false;
        if (_isRouterDoubted)
        {
            // A router said otherwise, and was wrong: no more of that for a while (RFC 8899 §8, "robustness mode").
            _ignorePacketTooBigUntil = now + _options.RaiseTimer;
        }
        else if (_brokeSearchOff)
        {
            _raiseAt = now;
        }

        if (State != PathProbeState.SearchComplete)
        {
            Enter(Size < Base ? PathProbeState.Error : PathProbeState.SearchComplete, PathProbeCause.Confirmed, now);
        }
    }

    private void FinishIfDone(long now)
    {
        if (!_isSearching || _isConfirming || _low == 0 || _low < _high)
        {
            return;
        }

        _isSearching = false;
        if (Size != _low)
        {
            Size = _low;
            _sink.Found(_number, Size, now);
        }

        _anchor = _low;
        _raiseAt = now + _options.RaiseTimer;
        _confirmAt = now + _options.ConfirmationTimer;
        Enter(Size < Base ? PathProbeState.Error : PathProbeState.SearchComplete, PathProbeCause.SizeFound, now);
    }

    private void Doubt(int size)
    {
        for (int i = 0; i < _suspectCount; i++)
        {
            ref Suspect suspect = ref _suspects[i];
            if (suspect.Size == size)
            {
                if (++suspect.Losses >= _options.MaxProbes)
                {
                    LowerHigh(size - 1);
                }

                return;
            }
        }

        if (_suspectCount == MaxSuspects)
        {
            // The largest matters least: the search is below it.
            int largest = 0;
            for (int i = 1; i < _suspectCount; i++)
            {
                largest = _suspects[i].Size > _suspects[largest].Size ? i : largest;
            }

            _suspects[largest] = _suspects[--_suspectCount];
        }

        _suspects[_suspectCount++] = new Suspect { Size = size, Losses = 1 };
    }

    private void LowerHigh(int high)
    {
        _high = Math.Min(_high, high);
        for (int i = _suspectCount - 1; i >= 0; i--)
        {
            if (_suspects[i].Size > _high)
            {
                _suspects[i] = _suspects[--_suspectCount];
            }
        }
    }

    // Where one suspicion was wrong, packets are lost for other reasons, and the others are worth no more.
    private void ForgetSuspectsOnce(int answered)
    {
        foreach (ref readonly Suspect suspect in Suspects)
        {
            if (suspect.Size <= answered)
            {
                _suspectCount = 0;
                return;
            }
        }
    }

    private bool IsOnItsWay(int size)
    {
        foreach (ref readonly Flight flight in Flights)
        {
            if (flight.Size == size)
            {
                return true;
            }
        }

        return false;
    }

    private void RemoveFlight(int index) => _flights[index] = _flights[--_flightCount];

    private void Enter(PathProbeState state, PathProbeCause cause, long now)
    {
        State = state;
        Cause = cause;
        Since = now;
        Entered?.Invoke(state, cause);
    }

    private readonly record struct Flight(int Size, ulong Nonce, long SentAt);

    private struct Suspect
    {
        public int Size;
        public int Losses;
    }
}
