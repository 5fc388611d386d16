using System.Runtime.CompilerServices;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>One tunnel as one worker sees it: what it is, the tables behind it, and the worker's books of both directions.</summary>
/// <remarks>
/// Where several workers serve a tunnel, each has one of these over the same options – the same flow hash seed, so that a flow has one source
/// port – and the same tables: the books and the queue are written by one thread each. The tunnel's books are the sums, and the writer of the tables drains all queues.
/// </remarks>
public sealed class Tunnel
{
    private readonly TunnelFacts _facts;
    private readonly bool _hasGroupPolicy;
    private readonly bool _knownOnly;
    private long _ecnAlarms;

    /// <summary>Makes a tunnel.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="tables">The tables its paths read; any number of workers may read them.</param>
    /// <param name="pathMtus">The MTUs of the paths to its remotes, for all its workers; null where nobody finds them out, so that any packet fits.</param>
    /// <exception cref="ArgumentException">A device of a layer that the kind does not carry, or a policy of sources for another kind or family.</exception>
    public Tunnel(TunnelOptions options, OverlayTables tables, PathMtus? pathMtus = null)
        : this(
            Checked(options), tables ?? throw new ArgumentNullException(nameof(tables)), pathMtus ?? new PathMtus(), FloodGate.Create(options, tables),
            Announcements.Create(options), new LearningQueue(), new GreSequence())
    {
    }

    private Tunnel(
        TunnelOptions options, OverlayTables tables, PathMtus pathMtus, FloodGate? floodGate, Announcements? announcements, LearningQueue learned,
        GreSequence greSequence)
    {
        Options = options;
        Tables = tables;
        PathMtus = pathMtus;
        Sources = new SourcePolicy(options, tables, Ingress);
        LooksInside = Sources.LooksInside;
        CountsEachSource = Sources.CountsEach;
        FloodGate = floodGate;
        Announcements = announcements;
        Learned = learned;
        GreSequence = greSequence;
        _facts = options.Facts;
        _hasGroupPolicy = options.GroupPolicyId is not null;
        _knownOnly = options.Policy.Remotes.KnownOnly;
    }

    /// <summary>What the tunnel is.</summary>
    public TunnelOptions Options { get; }

    /// <summary>The tables behind it.</summary>
    public OverlayTables Tables { get; }

    /// <summary>The MTUs of the paths to its remotes.</summary>
    public PathMtus PathMtus { get; }

    /// <summary>Addresses that the ingress path has seen and the writer of the tables is to learn.</summary>
    public LearningQueue Learned { get; }

    /// <summary>Neighbours that the worker has heard of and the writer of the tables is to learn.</summary>
    public LearnedNeighborQueue LearnedNeighbors { get; } = new();

    /// <summary>Questions for neighbours that could not be answered here, for the writer of the tables to tell.</summary>
    public NeighborMissQueue NeighborMisses { get; } = new();

    /// <summary>What became of questions for neighbours.</summary>
    public NeighborCounters Neighbors { get; } = new();

    /// <summary>Device to underlay.</summary>
    public DirectionCounters Egress { get; } = new();

    /// <summary>Underlay to device.</summary>
    public DirectionCounters Ingress { get; } = new();

    /// <summary>Reserved header bits that came.</summary>
    public ReservedBitCounters ReservedBits { get; } = new();

    /// <summary>
    /// Packets that came with a combination of outer and inner ECN field that Figure 4 of RFC 6040 §4.2 calls potentially dangerous, whether they were
    /// dropped for it or not: some sender, or somebody on the way, does not follow the rules.
    /// </summary>
    public long EcnAlarms => Volatile.Read(ref _ecnAlarms);

    /// <summary>Enters packets into <see cref="EcnAlarms"/>.</summary>
    internal void AlarmEcn(int packets) => _ecnAlarms += packets;

    /// <summary>Where packets may come from.</summary>
    internal SourcePolicy Sources { get; }

    /// <inheritdoc cref="SourcePolicy.LooksInside"/>
    internal bool LooksInside { get; }

    /// <inheritdoc cref="SourcePolicy.CountsEach"/>
    internal bool CountsEachSource { get; }

    /// <summary>Whether a packet may come from an underlay address. Most are asked no more than this: whom the tables name, somebody has decided on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal DropReason JudgeRemote(ValueIPAddress remote, PacketBatch batch, int index) =>
        _knownOnly && Tables.IsKnownRemote(remote) ? DropReason.None : Sources.JudgeRemote(remote, batch, index);

    /// <summary>How much may be flooded; null if that is not limited.</summary>
    internal FloodGate? FloodGate { get; }

    /// <summary>What was announced lately; null if repeating it is not held back.</summary>
    internal Announcements? Announcements { get; }

    /// <summary>The sequence numbers of received GRE packets.</summary>
    internal GreSequence GreSequence { get; }

    /// <summary>
    /// The same tunnel with books of its own, which nobody reads: what is decided with it leaves this one, its queue and the tables as they are. Any thread.
    /// </summary>
    internal Tunnel CreateTwin() => new(
        // Learning decides about no packet, but marks entries of the shared tables as heard.
        Options with { Learning = false, NeighborLearning = false }, Tables, PathMtus, FloodGate?.LookingOnly(), Announcements?.LookingOnly(), new LearningQueue(capacity: 1),
        new GreSequence(GreSequence));

    /// <summary>Whether a packet may pass by its tunnel header, whoever sent it.</summary>
    /// <param name="header">The header.</param>
    /// <param name="packets">How many wire packets have it, for the count of reserved bits.</param>
    internal DropReason Judge(in ReceivedHeader header, int packets)
    {
        if (_facts.JudgesReservedBits)
        {
            ulong bits = _hasGroupPolicy ? ReceivedHeader.WithoutGroupPolicy(header.Word) : header.Word;
            if ((bits & ReservedBitsPolicy.ReservedMask) != 0)
            {
                ReservedBits.Enter(bits & ReservedBitsPolicy.ReservedMask, packets);
            }

            return Options.Policy.ReservedBits.Accepts(bits) ? DropReason.None : DropReason.ReservedBits;
        }

        if (header.IsControl)
        {
            return DropReason.ControlPacket;
        }

        if (header.HasCriticalOption && !KnowsCriticalOptions(header.Options))
        {
            return DropReason.UnknownOption;
        }

        return header.Inner == 0 ? DropReason.UnknownProtocol : DropReason.None;
    }

    /// <summary>Whether the source address of a frame behind this header may be learned.</summary>
    internal bool MayLearn(ulong header) => Options.Learning && !(_hasGroupPolicy && ReceivedHeader.IsLearningRefused(header));

    private bool KnowsCriticalOptions(ReadOnlySpan<byte> options)
    {
        foreach (GeneveOption option in new GeneveOptionEnumerator(options))
        {
            if (option.IsCritical && !Knows(option))
            {
                return false;
            }
        }

        return true;
    }

    private bool Knows(GeneveOption option)
    {
        foreach (GeneveOption known in new GeneveOptionEnumerator(Options.GeneveOptions.Span))
        {
            if (known.Class == option.Class && known.Type == option.Type)
            {
                return true;
            }
        }

        return false;
    }

    private static TunnelOptions Checked(TunnelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        bool ethernet = options.Layer == DeviceLayer.Ethernet;
        if (!(ethernet ? options.Facts.CarriesEthernet : options.Facts.CarriesIP))
        {
            string carries = ethernet ? "IP packets, not Ethernet frames; its device is a TUN" : "Ethernet frames, not IP packets; its device is a TAP";
            throw new ArgumentException($"Tunnel '{options.Name}': {options.Facts} carries {carries}.", nameof(options));
        }

        if (options.Policy.SourceSpray is { } spray &&
            (options.Facts.IsOverUdp || ((ValueIPAddress)spray.Prefix.BaseAddress).IsIPv4 != options.Local.IsIPv4))
        {
            throw new ArgumentException(
                $"Tunnel '{options.Name}': sources of {spray.Prefix} are for tunnels without ports whose local address is of the same family.", nameof(options));
        }

        return options;
    }
}
