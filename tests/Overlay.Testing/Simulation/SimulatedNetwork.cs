using Overlay.Capture;

namespace Overlay.Testing.Simulation;

/// <summary>
/// The underlay: whole IP packets between hosts, which delay, overtake, vanish, double and break by the <see cref="LinkFaults"/> of their way. It reads the
/// destination out of the packet, as a router would.
/// </summary>
public sealed class SimulatedNetwork : SimulationActor
{
    // For captures, which want a date; the virtual clock has none.
    private const long CaptureEpochNanoseconds = 1_700_000_000_000_000_000;
    private const string ForgerName = "forged";

    private readonly SimulatedWorld _world;
    private readonly SimulationRandom _random;
    private readonly Dictionary<(string From, string To), LinkFaults> _links = [];
    private readonly PriorityQueue<(WirePacket Packet, SimulatedHost? To), (long Due, long Order)> _onTheWay = new();
    private readonly List<(string From, string To, long Time, WirePacket Packet, string Comment)> _captured = [];
    private readonly bool _captures;
    private long _packets;
    private long _order;

    internal SimulatedNetwork(SimulatedWorld world, SimulationRandom random, bool captures)
        : base("network")
    {
        _world = world;
        _random = random;
        _captures = captures;
    }

    /// <inheritdoc/>
    public override long NextDue => _onTheWay.TryPeek(out _, out (long Due, long Order) next) ? next.Due : Never;

    /// <inheritdoc/>
    public override int Weight => 4;

    /// <summary>Packets on their way.</summary>
    public int OnTheWay => _onTheWay.Count;

    /// <summary>The way from one host to another.</summary>
    public LinkFaults Link(SimulatedHost from, SimulatedHost to) => Link(from.Name, to.Name);

    /// <summary>Changes the way from one host to another; what is on it already is not touched.</summary>
    public void SetLink(SimulatedHost from, SimulatedHost to, LinkFaults faults)
    {
        _links[(from.Name, to.Name)] = faults;
        _world.Publish(new LinkChanged(from.Name, to.Name, faults));
    }

    /// <summary>Changes the ways between all hosts.</summary>
    public void SetAllLinks(LinkFaults faults)
    {
        foreach (SimulatedHost from in _world.Hosts)
        {
            foreach (SimulatedHost to in _world.Hosts.Where(to => to != from))
            {
                SetLink(from, to, faults);
            }
        }
    }

    /// <summary>Puts a packet onto the wire.</summary>
    /// <param name="from">Who sends it; null for an attacker, who can write any source address.</param>
    /// <param name="bytes">The whole packet; copied.</param>
    /// <param name="frame">What it carries.</param>
    public void Transmit(SimulatedHost? from, ReadOnlySpan<byte> bytes, SimulatedFrame frame)
    {
        WirePacket packet = new(_packets++, frame, from, UnderlayReceiver.DestinationOf(bytes), bytes.ToArray());
        _world.Publish(new PacketTransmitted(packet));
        bool isSentToSeveral = packet.Destination.IsMulticast;
        SimulatedHost[] to = [.. _world.Hosts.Where(host => host != from && (isSentToSeveral ? host.Groups.Contains(packet.Destination) : host.Address == packet.Destination))];
        if (to.Length == 0)
        {
            Lose(packet, "nobody", "nobody has the address");
            return;
        }

        for (int i = 0; i < to.Length; i++)
        {
            if (i > 0)
            {
                packet = Duplicate(packet);
            }

            Send(packet, to[i]);
        }
    }

    /// <summary>Writes what went over each link into a file of its own in a directory: <c>a-b.pcapng</c>, with a comment on each packet.</summary>
    /// <exception cref="InvalidOperationException">The world was not told to capture.</exception>
    public async Task WriteCapturesAsync(string directory)
    {
        if (!_captures)
        {
            throw new InvalidOperationException($"Nothing was captured: set {nameof(WorldOptions)}.{nameof(WorldOptions.Captures)}.");
        }

        Directory.CreateDirectory(directory);
        foreach (var link in _captured.GroupBy(row => (row.From, row.To)))
        {
            FileStream stream = File.Create(Path.Combine(directory, $"{link.Key.From}-{link.Key.To}.pcapng"));
            await using CaptureWriter writer = new(stream);
            int number = writer.AddInterface(LinkType.Raw, $"{link.Key.From}-{link.Key.To}", $"{_world.Scenario}, seed {_world.Seed}");
            foreach (var row in link)
            {
                await writer.WriteAsync(number, CaptureEpochNanoseconds + (row.Time * 1_000_000), row.Packet.Bytes, comment: row.Comment);
            }
        }
    }

    /// <inheritdoc/>
    protected override void Step()
    {
        (WirePacket packet, SimulatedHost? to) = _onTheWay.Dequeue();
        if (!to!.TryEnqueue(packet))
        {
            _world.Publish(new PacketLost(packet, $"full socket buffer of {to.Name}"));
        }
    }

    private LinkFaults Link(string from, string to) => _links.GetValueOrDefault((from, to), LinkFaults.None);

    private void Send(WirePacket packet, SimulatedHost to)
    {
        string from = packet.From?.Name ?? ForgerName;
        LinkFaults faults = Link(from, to.Name);
        if (faults.IsCut || _random.Hits(faults.Loss))
        {
            Lose(packet, to.Name, faults.IsCut ? "link cut" : "on the link");
            return;
        }

        WirePacket? duplicate = _random.Hits(faults.Duplication) ? Duplicate(packet) : null;
        if (packet.Bytes.Length > 0 && _random.Hits(faults.Corruption))
        {
            int bit = _random.Next(packet.Bytes.Length * 8);
            packet.Bytes[bit >> 3] ^= (byte)(1 << (bit & 7));
            packet.IsCorrupted = true;
            _world.Publish(new PacketCorrupted(packet, bit));
        }

        Put(packet, to, faults);
        if (duplicate is not null)
        {
            Put(duplicate, to, faults);
        }
    }

    private WirePacket Duplicate(WirePacket packet)
    {
        WirePacket duplicate = new(_packets++, packet.Frame, packet.From, packet.Destination, [.. packet.Bytes]) { DuplicateOf = packet.Id };
        _world.Publish(new PacketDuplicated(duplicate));
        return duplicate;
    }

    private void Put(WirePacket packet, SimulatedHost to, LinkFaults faults)
    {
        long due = _world.Clock.Now + faults.Delay + (faults.Jitter > 0 ? _random.Next(faults.Jitter + 1) : 0);
        _onTheWay.Enqueue((packet, to), (due, _order++));
        Capture(packet, to.Name, packet.IsCorrupted ? "corrupted" : packet.DuplicateOf >= 0 ? "duplicate" : "sent");
    }

    private void Lose(WirePacket packet, string to, string why)
    {
        Capture(packet, to, why);
        _world.Publish(new PacketLost(packet, why));
    }

    private void Capture(WirePacket packet, string to, string what)
    {
        if (_captures)
        {
            _captured.Add((packet.From?.Name ?? ForgerName, to, _world.Clock.Now, packet, $"step {_world.Scheduler.Steps}, p{packet.Id}, {packet.Frame.What} f{packet.Frame.Id}: {what}"));
        }
    }
}
