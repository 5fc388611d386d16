namespace Overlay.Testing.Simulation;

/// <summary>A host behind a tunnel's device: it has a MAC and an IP address, sends, answers ARP, and may move to another tunnel end of its network.</summary>
public sealed class SimulatedStation : SimulationActor
{
    private readonly SimulatedWorld _world;
    private readonly Queue<(string What, byte[] Bytes)> _answers = new();

    internal SimulatedStation(SimulatedWorld world, string name, SimulatedTunnel tunnel, MacAddress mac, ValueIPAddress address)
        : base(name)
    {
        _world = world;
        Tunnel = tunnel;
        Mac = mac;
        Address = address;
        tunnel.Attach(this);
    }

    /// <summary>Behind which tunnel end it stands now.</summary>
    public SimulatedTunnel Tunnel { get; private set; }

    /// <summary>Its MAC address; not used where the tunnel carries IP.</summary>
    public MacAddress Mac { get; }

    /// <summary>Its IP address.</summary>
    public ValueIPAddress Address { get; }

    /// <summary>Frames that came for it alone.</summary>
    public long Received { get; private set; }

    /// <summary>Whether it is switched off: it sends and hears nothing.</summary>
    public bool IsOff { get; set; }

    /// <inheritdoc/>
    public override long NextDue => _answers.Count > 0 && !IsOff ? 0 : Never;

    /// <summary>Sends a UDP packet to another station.</summary>
    public SimulatedFrame SendTo(SimulatedStation other, int payloadLength = 32, ushort sourcePort = 1_000)
    {
        ArgumentNullException.ThrowIfNull(other);
        byte[] packet = StationFrames.Udp(Address, other.Address, payloadLength, sourcePort);
        return Tunnel.IsEthernet
            ? Tunnel.Send("unicast", PacketBuilder.Ethernet(other.Mac, Mac, Address.IsIPv4 ? EtherType.IPv4 : EtherType.IPv6, packet))
            : Tunnel.Send("packet", packet);
    }

    /// <summary>Asks everybody who has an address.</summary>
    public SimulatedFrame Ask(ValueIPAddress target) => Tunnel.Send("arp-request", StationFrames.ArpRequest(Mac, Address, target));

    /// <summary>Tells everybody where it is.</summary>
    public SimulatedFrame Announce() => Tunnel.Send("gratuitous-arp", StationFrames.ArpRequest(Mac, Address, Address));

    /// <summary>Moves behind another tunnel end of the same network and says so.</summary>
    public void MoveTo(SimulatedTunnel other)
    {
        ArgumentNullException.ThrowIfNull(other);
        SimulatedTunnel from = Tunnel;
        from.Detach(this);
        Tunnel = other;
        other.Attach(this);
        _world.Publish(new StationMoved(this, from));
        if (other.IsEthernet)
        {
            _ = Announce();
        }
    }

    internal void Receive(ReadOnlySpan<byte> bytes)
    {
        if (IsOff || !Tunnel.IsEthernet || bytes.Length < 14)
        {
            return;
        }

        MacAddress destination = new(bytes[..MacAddress.Length]);
        Received += destination == Mac ? 1 : 0;
        if (StationFrames.TryReadArpRequest(bytes, out MacAddress sender, out ValueIPAddress senderAddress, out ValueIPAddress target) &&
            target == Address && senderAddress != Address && (destination == Mac || destination.IsBroadcast))
        {
            _answers.Enqueue(("arp-reply", StationFrames.ArpReply(Mac, Address, sender, senderAddress)));
        }
    }

    /// <inheritdoc/>
    protected override void Step()
    {
        (string what, byte[] bytes) = _answers.Dequeue();
        _ = Tunnel.Send(what, bytes);
    }
}
