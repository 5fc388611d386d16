using System.Net;
using System.Net.Sockets;
using Overlay.Linux;
using Overlay.Wire;

namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>
/// The other end of <c>doctor underlay</c>: sees the probes as they come in, whatever the host does with them, and says so. It stands beside a running
/// overlayd, or alone.
/// </summary>
internal sealed class UnderlayResponder : IDisposable
{
    private const int MaxSessions = 64;

    // Whoever forges probes gets no more than this out of it.
    private const int AnswersPerSecond = 2000;
    private const int SecondMilliseconds = 1000;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly Dictionary<(ulong Session, ValueIPAddress Asker), Session> _sessions = [];
    private readonly List<Thread> _threads = [];
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _stop;
    private long _second;
    private int _answers;
    private long _probes;

    private UnderlayResponder()
    {
    }

    /// <summary>Probes seen so far.</summary>
    public long Probes => Volatile.Read(ref _probes);

    /// <summary>Askers seen so far, at most those that are remembered.</summary>
    public int Sessions
    {
        get
        {
            lock (_gate)
            {
                return _sessions.Count;
            }
        }
    }

    /// <summary>Ends only with a failure.</summary>
    public Task Failed => _failed.Task;

    /// <summary>Begins to answer, on all interfaces.</summary>
    /// <exception cref="LinuxException">The right to (CAP_NET_RAW) is missing.</exception>
    public static UnderlayResponder Start()
    {
        UnderlayResponder responder = new();
        try
        {
            responder.Listen(AddressFamily.InterNetwork);
            if (Socket.OSSupportsIPv6)
            {
                responder.Listen(AddressFamily.InterNetworkV6);
            }

            return responder;
        }
        catch
        {
            responder.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop = true;
        _threads.ForEach(thread => thread.Join());
        foreach (Session session in _sessions.Values)
        {
            session.Dispose();
        }
    }

    /// <summary>How a probe arrived, by its outer headers.</summary>
    internal static ProbeArrival Judge(IPProtocol protocol, ReadOnlySpan<byte> transport, ValueIPAddress source, ValueIPAddress destination, bool isUnfinished)
    {
        if (protocol != IPProtocol.Udp || !UdpPacket.TryParse(transport, out UdpPacket udp))
        {
            return ProbeArrival.Intact;
        }

        return !udp.HasChecksum ? ProbeArrival.NoChecksum
            : isUnfinished || udp.IsChecksumValid(source, destination) ? ProbeArrival.Intact
            : ProbeArrival.WrongChecksum;
    }

    private void Listen(AddressFamily family)
    {
        var tap = PacketTap.Open(family);
        Thread thread = new(() => Run(tap)) { IsBackground = true, Name = $"respond {family}" };
        _threads.Add(thread);
        thread.Start();
    }

    private void Run(PacketTap tap)
    {
        using (tap)
        {
            try
            {
                while (!_stop)
                {
                    if (tap.TryReceive(Look, out ReadOnlySpan<byte> packet, out bool isUnfinished))
                    {
                        Take(packet, isUnfinished);
                    }
                }
            }
#pragma warning disable CA1031 // Nothing is swallowed: Failed tells.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                _failed.TrySetException(exception);
            }
        }
    }

    private void Take(ReadOnlySpan<byte> packet, bool isUnfinished)
    {
        if (!ProbeMark.TryFind(packet, out ProbeMark mark) || !OuterView.TryParse(packet, out OuterView view))
        {
            return;
        }

        // What the kernel sends back to echo requests has their mark, too; that the asker sees it is for the asker to know.
        if (view.IsEchoReply)
        {
            return;
        }

        ProbeArrival arrival = Judge(view.Protocol, view.Transport, view.Source, view.Destination, isUnfinished);
        lock (_gate)
        {
            if (!MayAnswer())
            {
                return;
            }

            _probes++;
            (ulong Session, ValueIPAddress Source) key = (mark.Session, view.Source);
            if (!_sessions.TryGetValue(key, out Session? session))
            {
                if (Session.TryOpen(mark, view.Source, view.Destination) is not { } opened)
                {
                    return;
                }

                if (_sessions.Count == MaxSessions)
                {
                    (ulong, ValueIPAddress) oldest = _sessions.MinBy(pair => pair.Value.LastUse).Key;
                    _sessions[oldest].Dispose();
                    _sessions.Remove(oldest);
                }

                _sessions[key] = session = opened;
            }

            session.Take(mark.Number, arrival);
        }
    }

    private bool MayAnswer()
    {
        long second = Environment.TickCount64 / SecondMilliseconds;
        if (second != _second)
        {
            _second = second;
            _answers = 0;
        }

        return _answers++ < AnswersPerSecond;
    }

    private sealed class Session : IDisposable
    {
        private readonly ProbeMark _mark;
        private readonly IPEndPoint _asker;
        private readonly Socket _udp;
        private readonly Socket _icmp;
        private readonly ValueIPAddress _local;
        private readonly ProbeArrival[] _arrivals = new ProbeArrival[ProbeAnswer.MaxProbes];

        private Session(ProbeMark mark, ValueIPAddress asker, ValueIPAddress local, Socket udp, Socket icmp)
        {
            _mark = mark;
            _asker = new IPEndPoint(asker.ToIPAddress(), mark.AnswerPort);
            _local = local;
            _udp = udp;
            _icmp = icmp;
        }

        public long LastUse { get; private set; }

        // Not if the packet was for somebody else: a multicast group, or the inner host of a bridge that is listened to.
        public static Session? TryOpen(ProbeMark mark, ValueIPAddress asker, ValueIPAddress local)
        {
            Socket? udp = null, icmp = null;
            try
            {
                udp = new Socket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
                udp.Bind(new IPEndPoint(local.ToIPAddress(), 0));
                icmp = new Socket(local.AddressFamily, SocketType.Raw, local.IsIPv4 ? ProtocolType.Icmp : ProtocolType.IcmpV6);
                icmp.Bind(new IPEndPoint(local.ToIPAddress(), 0));
                return new Session(mark, asker, local, udp, icmp);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressNotAvailable)
            {
                udp?.Dispose();
                icmp?.Dispose();
                return null;
            }
        }

        public void Take(byte number, ProbeArrival arrival)
        {
            LastUse = Environment.TickCount64;
            _arrivals[number] = arrival;
            byte[] answer = ProbeAnswer.Make(_mark.Session, _arrivals);
            Send(_udp, answer, _asker);
            byte[] message = new byte[IcmpPacket.HeaderLength + answer.Length];
            if (_local.IsIPv4)
            {
                IcmpHeader.Echo(reply: true, (ushort)_mark.Session, number).TryWriteMessage(message, answer, out _);
            }
            else
            {
                // The kernel computes the checksum (RFC 3542 §3.1).
                answer.CopyTo(message.AsSpan(IcmpV6Packet.HeaderLength));
                IcmpV6Header.Echo(reply: true, (ushort)_mark.Session, number).TryWrite(message, out _);
            }

            Send(_icmp, message, new IPEndPoint(_asker.Address, 0));
        }

        public void Dispose()
        {
            _udp.Dispose();
            _icmp.Dispose();
        }

        private static void Send(Socket socket, byte[] bytes, IPEndPoint to)
        {
            try
            {
                socket.SendTo(bytes, to);
            }
            catch (SocketException)
            {
                // The way back may be closed to one of the two forms; that no answer comes is what the asker then reports.
            }
        }
    }
}
