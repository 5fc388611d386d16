using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Overlay.DataPath;

/// <summary>
/// Finds the MTU of the paths to remotes by probing (DPLPMTUD, RFC 8899): says which probe is to be sent now, takes answers, and tells an
/// <see cref="IPathMtuSink"/> what it finds. It sends nothing and knows no clock.
/// </summary>
/// <remarks>
/// <para>
/// Belongs to one thread, but for <see cref="Read"/>. All times are monotonic milliseconds, all sizes bytes of outer IP packet.
/// </para>
/// <para>
/// Nothing is sent to remotes without traffic ("DPLPMTUD MAY inhibit sending probe packets when no application data has been sent", RFC 8899 §5.1.1). The work
/// of a call does not grow with the number of remotes, but by its logarithm.
/// </para>
/// </remarks>
public sealed class PathProber
{
    private const int SecretLength = 32;

    private readonly PathProberOptions _options;
    private readonly IPathMtuSink _sink;
    private readonly byte[] _secret;
    private readonly DueQueue _due = new();
    private ProbedPath?[] _paths = new ProbedPath?[16];
    private ulong _count;
    private long _allowedAt = long.MinValue;
    private long _allowance;

    /// <summary>Makes a prober without paths.</summary>
    /// <param name="sink">Takes what is found.</param>
    /// <param name="secret">32 bytes that nobody else knows: what answers must repeat comes of them, so that only who has seen a probe can answer it (RFC 8899 §8).</param>
    /// <param name="options">Timers and constants; null for the defaults.</param>
    /// <exception cref="ArgumentException">The secret has another length.</exception>
    /// <exception cref="ArgumentOutOfRangeException">One of the options is out of range.</exception>
    public PathProber(IPathMtuSink sink, ReadOnlySpan<byte> secret, PathProberOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(sink);
        if (secret.Length != SecretLength)
        {
            throw new ArgumentException($"The secret has {SecretLength} bytes, not {secret.Length}.", nameof(secret));
        }

        _options = options ?? new PathProberOptions();
        _options.Validate();
        _sink = sink;
        _secret = secret.ToArray();
        _allowance = 1_000;
    }

    /// <summary>When <see cref="TryNext"/> has something to say, unless something happens before; <see cref="long.MaxValue"/> for never.</summary>
    public long NextDue => Math.Max(_due.FirstTime, _allowance >= CostOfProbe ? long.MinValue : _allowedAt + 1);

    // The allowance is counted in thousandths of a probe; a second's worth may come at once.
    private static long CostOfProbe => 1_000;

    /// <summary>Adds a remote, or changes the largest packet that can leave towards it.</summary>
    /// <param name="remote">Its number: small, for an array is kept.</param>
    /// <param name="isIPv4">The family of the outer header.</param>
    /// <param name="maximum">The MTU of the link or the route, in bytes.</param>
    /// <param name="now">The time.</param>
    public void Set(int remote, bool isIPv4, int maximum, long now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(remote);
        ArgumentOutOfRangeException.ThrowIfLessThan(maximum, 68);
        maximum = Math.Min(maximum, ushort.MaxValue);
        if (remote >= _paths.Length)
        {
            ProbedPath?[] paths = new ProbedPath?[Math.Max(remote + 1, 2 * _paths.Length)];
            _paths.CopyTo(paths, 0);
            Volatile.Write(ref _paths, paths);
        }

        if (_paths[remote] is { } path)
        {
            path.SetMaximum(maximum, now);
            _due.Set(remote, path.Due);
        }
        else
        {
            Volatile.Write(ref _paths[remote], new ProbedPath(remote, isIPv4, maximum, _options, _sink));
        }
    }

    /// <summary>Forgets a remote.</summary>
    public void Remove(int remote)
    {
        if (Find(remote) is not null)
        {
            Volatile.Write(ref _paths[remote], null);
            _due.Set(remote, long.MaxValue);
        }
    }

    /// <summary>Packets flow to a remote that are larger than the base size, so that their size matters. To be told about once in a fraction of a second.</summary>
    public void Use(int remote, long now)
    {
        if (Find(remote) is { } path)
        {
            path.Use();
            _due.Set(remote, Math.Max(now, path.Due));
        }
    }

    /// <summary>A remote has sent a probe: it knows what a probe is.</summary>
    public void Hear(int remote, long now)
    {
        if (Find(remote) is { } path)
        {
            path.Hear(now);
            _due.Set(remote, path.Due);
        }
    }

    /// <summary>Says which probe is to be sent now. To be called until there is none.</summary>
    /// <param name="now">The time.</param>
    /// <param name="probe">The probe, with DF set over IPv4 and never fragmented (RFC 8899 §3).</param>
    /// <returns>false if there is none.</returns>
    public bool TryNext(long now, out PathProbe probe)
    {
        Allow(now);
        while (_due.FirstTime <= now && _allowance >= CostOfProbe)
        {
            int remote = _due.First;
            ProbedPath path = _paths[remote]!;
            int size = path.Next(now);
            if (size != 0)
            {
                probe = new PathProbe(remote, size, NextNonce());
                _allowance -= CostOfProbe;
                path.Sent(size, probe.Nonce, now);
                _due.Set(remote, path.Due);
                return true;
            }

            // Whatever is due now has been done.
            _due.Set(remote, Math.Max(now + 1, path.Due));
        }

        probe = default;
        return false;
    }

    /// <summary>Takes an answer.</summary>
    /// <param name="remote">Who answers.</param>
    /// <param name="nonce">What the answer repeats.</param>
    /// <param name="now">The time.</param>
    /// <returns>false if it answers no probe that is on its way to this remote: it is late, a second one, or forged.</returns>
    public bool Answer(int remote, ulong nonce, long now)
    {
        if (Find(remote) is not { } path || !path.Answer(nonce, now))
        {
            return false;
        }

        _due.Set(remote, path.Due);
        return true;
    }

    /// <summary>The link refused a probe as too big.</summary>
    public void Refuse(int remote, int size, long now)
    {
        if (Find(remote) is { } path)
        {
            path.Refuse(size, now);
            _due.Set(remote, path.Due);
        }
    }

    /// <summary>
    /// Takes what a router says of a packet of ours; whoever calls has made sure that it is one (RFC 8899 §4.6.1). It lowers nothing by itself: it says what
    /// to probe (§4.6.2).
    /// </summary>
    /// <param name="remote">The remote that the packet went to.</param>
    /// <param name="size">The MTU in the message, in bytes.</param>
    /// <param name="now">The time.</param>
    /// <returns>false if nothing follows: it is no less than what was probed, or less than any path has.</returns>
    public bool PacketTooBig(int remote, int size, long now)
    {
        if (Find(remote) is not { } path || !path.PacketTooBig(size, now))
        {
            return false;
        }

        _due.Set(remote, path.Due);
        return true;
    }

    /// <summary>What probing has come to. Any thread: each field by itself is as it was at some moment.</summary>
    /// <returns>false if there is no such remote.</returns>
    public bool Read(int remote, out PathProbeStatus status)
    {
        ProbedPath?[] paths = Volatile.Read(ref _paths);
        if ((uint)remote >= (uint)paths.Length || Volatile.Read(ref paths[remote]) is not { } path)
        {
            status = default;
            return false;
        }

        status = new PathProbeStatus(path.State, path.Cause, path.Since, path.Size, path.HasAnswered, path.RoundTrip);
        return true;
    }

    /// <summary>The path to a remote.</summary>
    internal ProbedPath? Find(int remote) => (uint)remote < (uint)_paths.Length ? _paths[remote] : null;

    private void Allow(long now)
    {
        long most = Math.Max(CostOfProbe, _options.ProbesPerSecond * CostOfProbe / 10);
        if (_allowedAt == long.MinValue)
        {
            _allowance = most;
        }
        else
        {
            // No more than a tenth of a second's worth at once; 1 000 thousandths a second are one a millisecond.
            _allowance = Math.Min(most, _allowance + (Math.Min(now - _allowedAt, 1_000) * _options.ProbesPerSecond));
        }

        _allowedAt = now;
    }

    private ulong NextNonce()
    {
        Span<byte> input = stackalloc byte[sizeof(ulong)];
        Span<byte> output = stackalloc byte[HMACSHA256.HashSizeInBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(input, _count++);
        HMACSHA256.HashData(_secret, input, output);
        return BinaryPrimitives.ReadUInt64LittleEndian(output);
    }
}
