using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Overlay.Linux;
using Overlay.Wire;

namespace Overlay.Daemon.Doctor.Underlay;

/// <summary><c>overlayd doctor underlay</c>: sends probes of many forms and says which of their properties is filtered.</summary>
internal sealed class UnderlayDoctor : IDisposable
{
    private const int SourcePorts = 8;
    private const int Attempts = 3;
    private const ushort PortStride = 101;
    private const int Pause = 2;
    private const int FirstPatience = 500;
    private const int LeastPatience = 60;
    private const int PatienceInRoundTrips = 4;
    private const int MinimumSize = 576;
    private const int MinimumSizeV6 = 1280;
    private const byte EchoReply = 0;
    private const byte EchoReplyV6 = 129;

    private static readonly ProbeForm[] FormsOnce =
    [
        ProbeForm.Echo, ProbeForm.OtherPort, ProbeForm.OtherPortNoChecksum, ProbeForm.TunnelPort, ProbeForm.Vxlan, ProbeForm.VxlanOtherVni,
        ProbeForm.VxlanOtherPort, ProbeForm.VxlanNoChecksum, ProbeForm.VxlanBadChecksum, ProbeForm.IPv4InIP, ProbeForm.IPv6InIP, ProbeForm.Gre, ProbeForm.Gue,
    ];

    private readonly UnderlayTarget _target;
    private readonly RawProbes _sockets;
    private readonly ProbeWriter _writer;
    private readonly ProbeArrival[] _arrivals = new ProbeArrival[ProbeAnswer.MaxProbes];
    private readonly List<Probe> _probes = [];
    private ushort _nextSourcePort = 49_152;
    private bool _hasResponder;
    private bool _isMeasured;
    private long _firstSent;
    private long _patience = FirstPatience;

    private UnderlayDoctor(UnderlayTarget target, RawProbes sockets)
    {
        _target = target;
        _sockets = sockets;
        ulong session = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        _nextSourcePort += (ushort)(session % 8192);
        _writer = new ProbeWriter(target.From, target.To, target.Port, target.OtherPort, target.Vni, session, sockets.AnswerPort);
    }

    /// <summary>Examines the way to an address.</summary>
    /// <exception cref="LinuxException">A right is missing, or there is no route.</exception>
    public static DoctorReport Examine(UnderlayTarget target)
    {
        using UnderlayDoctor doctor = new(target, RawProbes.Open(target.From));
        doctor.Ask();
        return doctor.Report();
    }

    /// <inheritdoc/>
    public void Dispose() => _sockets.Dispose();

    private void Ask()
    {
        List<Probe> forms = [.. FormsOnce.Select(form => Add(form))];
        for (int i = 0; i < SourcePorts; i++)
        {
            forms.Add(Add(ProbeForm.VxlanSourcePort));
        }

        Run(forms);
        // With the form that is most like the tunnel's of those that arrive.
        ProbeForm? form = _hasResponder
            ? ((ProbeForm[])[ProbeForm.Vxlan, ProbeForm.TunnelPort, ProbeForm.VxlanOtherPort, ProbeForm.OtherPort, ProbeForm.Echo]).Cast<ProbeForm?>()
                .FirstOrDefault(candidate => Find(candidate!.Value).Arrival != ProbeArrival.None)
            : Find(ProbeForm.Echo).IsAnsweredByKernel ? ProbeForm.Echo : null;
        if (form is { } sized)
        {
            SearchSize(sized);
        }
    }

    private Probe Find(ProbeForm form) => _probes.First(probe => probe.Form == form);

    // The longest first; what is told is tried, and what is silent is searched.
    private void SearchSize(ProbeForm form)
    {
        int fits = _target.From.IsIPv4 ? MinimumSize : MinimumSizeV6;
        int length = _target.LinkMtu;
        if (length <= fits || Arrives(form, length) is not { HasArrived: false } longest)
        {
            return;
        }

        if (longest.ToldMtu > fits && longest.ToldMtu < length && Arrives(form, longest.ToldMtu).HasArrived)
        {
            return;
        }

        if (!Arrives(form, fits).HasArrived)
        {
            return;
        }

        while (length - fits > 1 && _probes.Count < ProbeAnswer.MaxProbes)
        {
            int middle = (fits + length) / 2;
            if (Arrives(form, middle).HasArrived)
            {
                fits = middle;
            }
            else
            {
                length = middle;
            }
        }
    }

    private Probe Arrives(ProbeForm form, int length)
    {
        Probe probe = Add(form, length);
        Run([probe]);
        return probe;
    }

    private Probe Add(ProbeForm form, int length = 0)
    {
        Probe probe = new() { Number = (byte)_probes.Count, Form = form, SourcePort = _nextSourcePort++, Length = length };
        _probes.Add(probe);
        return probe;
    }

    private void Run(List<Probe> probes)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            foreach (Probe probe in probes.Where(probe => !IsEnough(probe)))
            {
                if (probe.Form != ProbeForm.VxlanSourcePort && attempt > 0)
                {
                    // By another of several paths, perhaps: which of those are bad is a question for the form that asks it.
                    probe.SourcePort += PortStride;
                }

                _firstSent = _firstSent == 0 ? Environment.TickCount64 : _firstSent;
                probe.Refused = _sockets.Send(_target.To, _writer.Write(probe));
                // One after the other, and not faster than a small queue takes them.
                Receive(Pause, () => false);
            }

            // A kernel says once a second that nobody is there (icmp_ratelimit): without a responder, forms are not asked in haste.
            Receive(_hasResponder || probes.Count == 1 ? _patience : FirstPatience, () => probes.TrueForAll(IsEnough));
        }
    }

    // A kernel answers a probe sooner than the responder: its word counts until then.
    private bool IsEnough(Probe probe) => probe.IsDecided && (!_hasResponder || probe.Arrival != ProbeArrival.None || !probe.IsAnsweredByKernel);

    private void Receive(long milliseconds, Func<bool> isDone) =>
        _sockets.Receive(Environment.TickCount64 + milliseconds, isDone, TakeAnswer, TakeIcmp);

    // The first answer says how long others may take.
    private void Measure()
    {
        if (!_isMeasured)
        {
            _isMeasured = true;
            _patience = Math.Clamp(PatienceInRoundTrips * (Environment.TickCount64 - _firstSent), LeastPatience, FirstPatience);
        }
    }

    private void TakeAnswer(byte[] answer)
    {
        if (!ProbeAnswer.TryRead(answer, _writer.Session, _arrivals))
        {
            return;
        }

        _hasResponder = true;
        Measure();
        foreach (Probe probe in _probes)
        {
            // Answers may overtake each other: what has arrived stays so.
            probe.Arrival = _arrivals[probe.Number] == ProbeArrival.None ? probe.Arrival : _arrivals[probe.Number];
        }
    }

    private void TakeIcmp(ValueIPAddress from, byte[] message)
    {
        bool isReply = message[0] == (_target.From.IsIPv4 ? EchoReply : EchoReplyV6);
        ReadOnlySpan<byte> payload = message.AsSpan(IcmpPacket.HeaderLength);
        if (isReply)
        {
            TakeAnswer(payload.ToArray());
            if (from == _target.To && ProbeMark.TryFind(payload, out ProbeMark mark) && mark.Session == _writer.Session && mark.Number < _probes.Count)
            {
                _probes[mark.Number].IsAnsweredByKernel = true;
                Measure();
            }

            return;
        }

        if (IcmpVerdict.TryRead(_target, message, out IcmpVerdict verdict) && verdict.Number < _probes.Count)
        {
            verdict.ApplyTo(_probes[verdict.Number], from, _target.To);
        }
    }

    private DoctorReport Report()
    {
        UnderlayFindings findings = UnderlayFindings.Of(_target, _probes, _hasResponder);
        int longest = _probes.Where(probe => probe.HasArrived).Select(probe => probe.Length).DefaultIfEmpty(0).Max();
        UnderlayDetails details = new(
            _target.From.ToString(), _target.Port, _target.OtherPort, _target.Vni.Value, _hasResponder, _target.LinkMtu, longest,
            [.. _probes.Select(Describe)]);
        return new DoctorReport
        {
            Doctor = "underlay",
            To = _target.To.ToString(),
            Findings = findings.Findings,
            Undecided = findings.Undecided,
            Details = JsonSerializer.SerializeToElement(details, DoctorJson.Relaxed.UnderlayDetails),
            Text = Table(details),
        };
    }

    private ProbeDetails Describe(Probe probe)
    {
        (string result, string said) = probe switch
        {
            { Arrival: ProbeArrival.WrongChecksum } => ("wrong-checksum", ""),
            { Arrival: ProbeArrival.NoChecksum } => ("no-checksum", ""),
            { Arrival: ProbeArrival.Intact } => ("arrived", ""),
            { IsAnsweredByKernel: true } => ("answered", probe.IsPortClosed ? "nobody listens there" : ""),
            { ToldMtu: > 0 } => ("too-big", string.Create(CultureInfo.InvariantCulture, $"{probe.ToldBy} says that {probe.ToldMtu} fit")),
            { ProhibitedBy: not null } => ("prohibited", $"by {probe.ProhibitedBy}"),
            { Refused: not null } => ("not-sent", probe.Refused),
            _ => ("lost", ""),
        };
        bool hasPort = _writer.Target(probe.Form).Protocol == IPProtocol.Udp;
        return new ProbeDetails(JsonNamingPolicy.KebabCaseLower.ConvertName(probe.Form.ToString()), hasPort ? probe.SourcePort : 0, probe.Length, result, said);
    }

    private static string Table(UnderlayDetails details)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"from {details.From}, tunnel port {details.Port}, VNI {details.Vni}, compared with port {details.OtherPort}; ");
        text.Append(details.Responder ? "an overlayd answers\n" : "no overlayd answers, only what the target's kernel says is known\n");
        foreach (ProbeDetails probe in details.Probes)
        {
            string port = probe.SourcePort == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"from port {probe.SourcePort}");
            string length = probe.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{probe.Length} bytes");
            text.Append($"  {probe.Probe,-24} {port,-16} {length,-11} {probe.Result} {probe.Said}".TrimEnd()).Append('\n');
        }

        return text.ToString();
    }
}
