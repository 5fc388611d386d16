namespace Overlay.DataPath;

/// <summary>
/// Probes the paths of a tunnel: takes from its workers which remotes are in use and what they answer, and leaves what is found in its
/// <see cref="PathMtus"/>. Belongs to one thread, but for <see cref="Read"/>.
/// </summary>
public sealed class TunnelProber : IPathMtuSink
{
    // The workers' marks are as old as this at most before they count.
    private const long Look = 50;

    private readonly IReadOnlyList<Tunnel> _workers;
    private readonly ProbePort _port;
    private readonly PathMtus _paths;
    private readonly PathActivity _activity;
    private readonly PathProber _prober;
    private ValueIPAddress[] _remotes = [];
    private long _lookedAt = long.MinValue / 2;
    private long _icmpSeen = long.MinValue;
    private int _version = -1;
    private int _count = -1;

    /// <summary>Makes the prober of a tunnel, and has its workers say which remotes are in use. Before they run.</summary>
    /// <param name="workers">The tunnel as each of its workers sees it.</param>
    /// <param name="port">Where probes go: one of the workers has it.</param>
    /// <param name="secret">32 bytes that nobody else knows.</param>
    /// <param name="options">Timers and constants; null for the defaults.</param>
    public TunnelProber(IReadOnlyList<Tunnel> workers, ProbePort port, ReadOnlySpan<byte> secret, PathProberOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(workers);
        ArgumentNullException.ThrowIfNull(port);
        options ??= new PathProberOptions();
        _workers = workers;
        _port = port;
        _paths = workers[0].PathMtus;
        _prober = new PathProber(this, secret, options);
        _activity = new PathActivity(_paths);
        foreach (Tunnel worker in workers)
        {
            int matters = worker.Options.Local.IsIPv4 ? options.BaseIPv4 : PathProberOptions.BaseIPv6;
            worker.Watch(_activity, matters);
        }
    }

    /// <summary>Does what there is to be done.</summary>
    /// <param name="now">The time.</param>
    /// <param name="sent">Whether probes were put into the port, so that its worker must be woken.</param>
    /// <returns>When to come again at the latest. While answers are on their way, soon is better: they tell the round trip.</returns>
    public long Run(long now, out bool sent)
    {
        if (_paths.Version != _version || _paths.Count != _count)
        {
            _version = _paths.Version;
            _count = _paths.Count;
            Follow(now);
        }

        foreach (Tunnel worker in _workers)
        {
            for (int left = PathProbeNewsQueue.Capacity; left > 0 && worker.ProbeNews.TryDequeue(out PathProbeNews news); left--)
            {
                Take(news, now);
            }
        }

        if (now - _lookedAt >= Look)
        {
            for (int index = 0; index < _remotes.Length; index++)
            {
                if (_activity.TakeMark(index))
                {
                    _prober.Use(index, now);
                }
            }

            _lookedAt = now;
        }

        sent = false;
        while (_prober.TryNext(now, out PathProbe probe))
        {
            sent |= _port.TryEnqueue(_remotes[probe.Remote], probe);
        }

        return Math.Min(_prober.NextDue, now + Look);
    }

    /// <summary>What probing has come to on the path to a remote. Any thread.</summary>
    /// <param name="index">The number of the remote in <see cref="PathMtus"/>.</param>
    /// <param name="status">What it has come to.</param>
    /// <returns>false if nothing is known of it yet.</returns>
    public bool Read(int index, out PathProbeStatus status) => _prober.Read(index, out status);

    /// <inheritdoc/>
    void IPathMtuSink.Found(int remote, int pathMtu, long now)
    {
        if (IsStill(remote))
        {
            _paths.Found(remote, pathMtu, now);
        }
    }

    /// <inheritdoc/>
    void IPathMtuSink.BlackHole(int remote, int pathMtu, long now)
    {
        if (IsStill(remote))
        {
            _paths.BlackHole(remote, pathMtu, now);
        }
    }

    /// <inheritdoc/>
    void IPathMtuSink.Forgotten(int remote, long now)
    {
        if (IsStill(remote))
        {
            _paths.Forget(remote);
        }
    }

    // Another thread adds and removes remotes; what has just gone is told with the next look.
    private bool IsStill(int remote) => _paths.TryGetIndex(_remotes[remote], out int index) && index == remote;

    private void Take(in PathProbeNews news, long now)
    {
        if (!_paths.TryGetIndex(news.Remote, out int index))
        {
            return;
        }

        switch (news.Kind)
        {
            case PathProbeNewsKind.Answered:
                // A false one changes nothing.
                _ = _prober.Answer(index, news.Nonce, now);
                break;
            case PathProbeNewsKind.Refused:
                _prober.Refuse(index, news.Size, now);
                break;
            default:
                _prober.Hear(index, now);
                break;
        }
    }

    private void Follow(long now)
    {
        _activity.Reserve();
        if (_paths.Capacity > _remotes.Length)
        {
            Array.Resize(ref _remotes, _paths.Capacity);
        }

        ValueIPAddress[] before = [.. _remotes];
        Array.Clear(_remotes);
        long newest = _icmpSeen;
        foreach (PathMtuRow row in _paths.Snapshot())
        {
            if (row.Index >= _remotes.Length)
            {
                // Added since; the next look has it.
                continue;
            }

            if (before[row.Index] != row.Remote)
            {
                _prober.Remove(row.Index);
            }

            _remotes[row.Index] = row.Remote;
            _prober.Set(row.Index, row.Remote.IsIPv4, row.Bound, now);
            if (row.Path.Source == PathMtuSource.Icmp && row.Path.Since > _icmpSeen)
            {
                newest = Math.Max(newest, row.Path.Since);
                _ = _prober.PacketTooBig(row.Index, row.Path.Mtu, now);
            }
        }

        _icmpSeen = newest;
        for (int index = 0; index < before.Length; index++)
        {
            if (_remotes[index] == default && before[index] != default)
            {
                _prober.Remove(index);
            }
        }
    }
}
