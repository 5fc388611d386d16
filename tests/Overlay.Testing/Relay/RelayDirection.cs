using System.Diagnostics;
using System.Runtime.Versioning;
using Overlay.DataPath;
using Overlay.Linux;
using Overlay.Testing.Simulation;
using Overlay.Wire;

namespace Overlay.Testing.Relay;

/// <summary>One way through an <see cref="ImpairmentRelay"/>.</summary>
[SupportedOSPlatform("linux")]
public sealed class RelayDirection
{
    private const double BitsPerByte = 8;

    private readonly Lock _gate;
    private readonly TunDevice _output;
    private readonly RelayAddresses _router;
    private readonly SimulationRandom _random;
    private readonly PacketBatch _outgoing = new(headroom: 0);
    private readonly Queue<(long Due, byte[] Frame)> _waiting = new();
    private volatile Impairments _impairments = Impairments.None;
    private RelayCounters _counters;
    private RelayDirection? _other;
    private byte[]? _held;
    private long _heldUntil;
    private long _lineFree;
    private long _lastDue;

    internal RelayDirection(Lock gate, TunDevice output, RelayAddresses router, SimulationRandom random)
    {
        _gate = gate;
        _output = output;
        _router = router;
        _random = random;
    }

    /// <summary>How long a packet that is to be overtaken waits for the one that overtakes it.</summary>
    public static TimeSpan LongestHold { get; } = TimeSpan.FromMilliseconds(50);

    /// <summary>What is done to packets. May be set at any time; packets inside keep the time they were given.</summary>
    public Impairments Impairments
    {
        get => _impairments;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            _impairments = value;
        }
    }

    /// <summary>What was done so far.</summary>
    public RelayCounters Counters
    {
        get
        {
            lock (_gate)
            {
                return _counters with { InFlight = _waiting.Count + (_held is null ? 0 : 1) };
            }
        }
    }

    internal void Join(RelayDirection other) => _other = other;

    /// <summary>When this direction has to be looked after, by the stopwatch; null for when a packet comes.</summary>
    internal long? NextDue => (_waiting.Count != 0, _held is not null) switch
    {
        (true, true) => Math.Min(_waiting.Peek().Due, _heldUntil),
        (true, false) => _waiting.Peek().Due,
        (false, true) => _heldUntil,
        _ => null,
    };

    /// <summary>A frame from the near end, which may be changed in its place.</summary>
    internal void Receive(Span<byte> frame)
    {
        _counters = _counters with { Received = _counters.Received + 1 };
        Pass(frame);
    }

    /// <summary>Sends what is due.</summary>
    internal void Release()
    {
        long now = Stopwatch.GetTimestamp();
        if (_held is not null && _heldUntil <= now)
        {
            byte[] held = _held;
            _held = null;
            Depart(held);
        }

        while (_waiting.TryPeek(out (long Due, byte[] Frame) first) && first.Due <= now)
        {
            Send(_waiting.Dequeue().Frame);
        }

        Flush();
    }

    private void Pass(Span<byte> frame)
    {
        Impairments impairments = _impairments;
        if (!EthernetFrame.TryParse(frame, out EthernetFrame ethernet) || ethernet.EtherType is not (EtherType.IPv4 or EtherType.IPv6))
        {
            Depart(frame);
            return;
        }

        int headerLength = ethernet.HeaderLength;
        Span<byte> packet = frame[headerLength..];
        int copies = 1;
        bool holdBack = false;
        foreach (RelayRule rule in impairments.Rules)
        {
            if (!rule.Takes(packet, _random))
            {
                continue;
            }

            switch (rule.Action)
            {
                case RelayAction.Drop:
                    _counters = _counters with { Dropped = _counters.Dropped + 1 };
                    return;
                case RelayAction.Reject:
                    _counters = _counters with { Dropped = _counters.Dropped + 1 };
                    _other!.Originate(RelayIcmp.Prohibited(frame, headerLength, impairments.IcmpQuote, _router));
                    return;
                case RelayAction.Duplicate:
                    copies = 2;
                    break;
                case RelayAction.Reorder:
                    holdBack = true;
                    break;
                case RelayAction.Edit:
                    rule.Apply(packet, _random);
                    _counters = _counters with { Edited = _counters.Edited + 1 };
                    break;
            }
        }

        if (impairments.Mtu is { } mtu && TransportView.TryParse(packet, out TransportView view) && view.Length > mtu)
        {
            if (view.MayNotBeFragmented || impairments.NarrowLink == NarrowLink.Switch)
            {
                LoseTooBig(frame, headerLength, mtu, impairments);
                return;
            }

            List<byte[]> fragments = RelayFragments.Make(frame, headerLength, mtu);
            _counters = _counters with
            {
                Fragmented = _counters.Fragmented + 1,
                Fragments = _counters.Fragments + fragments.Count,
                Duplicated = _counters.Duplicated + ((copies - 1) * fragments.Count),
            };
            for (; copies > 0; copies--)
            {
                fragments.ForEach(fragment => Depart(fragment));
            }

            return;
        }

        _counters = _counters with { Duplicated = _counters.Duplicated + copies - 1 };
        if (holdBack && _held is null)
        {
            _held = frame.ToArray();
            _heldUntil = Stopwatch.GetTimestamp() + Ticks(LongestHold);
            copies--;
        }
        else
        {
            Depart(frame);
            copies--;
            if (_held is { } held)
            {
                _held = null;
                _counters = _counters with { Reordered = _counters.Reordered + 1 };
                Depart(held);
            }
        }

        if (copies != 0)
        {
            Depart(frame);
        }
    }

    private void LoseTooBig(ReadOnlySpan<byte> frame, int headerLength, int mtu, Impairments impairments)
    {
        _counters = _counters with { TooBig = _counters.TooBig + 1 };
        if (impairments.NarrowLink == NarrowLink.Router &&
            RelayIcmp.PacketTooBig(frame, headerLength, mtu, impairments.IcmpQuote, _router) is { } told)
        {
            _counters = _counters with { TooBigTold = _counters.TooBigTold + 1 };
            _other!.Originate(told);
        }
    }

    private void Originate(byte[]? frame)
    {
        if (frame is not null)
        {
            _counters = _counters with { Originated = _counters.Originated + 1 };
            Pass(frame);
        }
    }

    // Rate, then delay, then the device.
    private void Depart(ReadOnlySpan<byte> frame)
    {
        Impairments impairments = _impairments;
        long now = Stopwatch.GetTimestamp();
        long due = now;
        if (impairments.BitsPerSecond is { } rate)
        {
            long free = Math.Max(now, _lineFree);
            double backlog = (double)(free - now) / Stopwatch.Frequency * rate / BitsPerByte;
            if (backlog + frame.Length > impairments.QueueBytes)
            {
                _counters = _counters with { QueueFull = _counters.QueueFull + 1 };
                return;
            }

            due = _lineFree = free + (long)(frame.Length * BitsPerByte / rate * Stopwatch.Frequency);
        }

        due += Ticks(impairments.Delay);
        if (_waiting.Count == 0 && due <= now)
        {
            Send(frame);
            return;
        }

        // A delay that became shorter does not let later packets overtake.
        _lastDue = _waiting.Count == 0 ? due : Math.Max(due, _lastDue);
        _waiting.Enqueue((_lastDue, frame.ToArray()));
    }

    private void Send(ReadOnlySpan<byte> frame)
    {
        if (!_outgoing.TryAppend(frame, out int index))
        {
            Flush();
            if (!_outgoing.TryAppend(frame, out index))
            {
                throw new InvalidOperationException($"A frame of {frame.Length} bytes does not fit into an empty batch.");
            }
        }

        _outgoing.Meta(index).Output = 0;
    }

    private void Flush()
    {
        if (_outgoing.Count == 0)
        {
            return;
        }

        _outgoing.Select(0);
        // Whatever it says stands beside each packet, too.
        _ = _output.Send(_outgoing);
        int sent = 0;
        for (int i = 0; i < _outgoing.Count; i++)
        {
            sent += _outgoing.Meta(i).State == PacketState.Sent ? 1 : 0;
        }

        _counters = _counters with { Sent = _counters.Sent + sent, Refused = _counters.Refused + _outgoing.Count - sent };
        _outgoing.Clear();
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);
}
