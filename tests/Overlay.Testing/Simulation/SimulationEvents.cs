using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Testing.Simulation;

/// <summary>A station gave a frame to its device.</summary>
public sealed record FrameSent(SimulatedFrame Frame, SimulatedTunnel Tunnel) : SimulationEvent
{
    protected override string Describe() => $"{Tunnel} <- {Frame}";
}

/// <summary>Egress decided where a frame goes: one remote, or one copy for each of several.</summary>
public sealed record FrameDecided(SimulatedFrame Frame, SimulatedTunnel Tunnel, IReadOnlyList<ValueIPAddress> Remotes, Vni Vni) : SimulationEvent
{
    protected override string Describe() => $"{Tunnel} f{Frame.Id} to {string.Join(", ", Remotes)}";
}

/// <summary>Egress dropped a frame, or a copy of it.</summary>
public sealed record FrameDropped(SimulatedFrame Frame, SimulatedTunnel Tunnel, DropReason Reason) : SimulationEvent
{
    protected override string Describe() => $"{Tunnel} f{Frame.Id} dropped, {DropReasons.Label(Reason)}";
}

/// <summary>Egress answered a frame itself.</summary>
public sealed record FrameConsumed(SimulatedFrame Frame, SimulatedTunnel Tunnel) : SimulationEvent
{
    protected override string Describe() => $"{Tunnel} f{Frame.Id} consumed";
}

/// <summary>A device was handed a frame that was made at this end, such as the answer to an ARP request.</summary>
public sealed record AnswerDelivered(SimulatedTunnel Tunnel, byte[] Bytes) : SimulationEvent
{
    protected override string Describe() => $"{Tunnel} -> answer of {Bytes.Length} bytes";
}

/// <summary>A packet went onto the wire.</summary>
public sealed record PacketTransmitted(WirePacket Packet) : SimulationEvent
{
    protected override string Describe() => $"{Packet} sent";
}

/// <summary>The network made a second one of a packet.</summary>
public sealed record PacketDuplicated(WirePacket Packet) : SimulationEvent
{
    protected override string Describe() => $"p{Packet.Id} duplicated";
}

/// <summary>The network turned a bit of a packet.</summary>
public sealed record PacketCorrupted(WirePacket Packet, int Bit) : SimulationEvent
{
    protected override string Describe() => $"p{Packet.Id} bit {Bit} turned";
}

/// <summary>A packet ended before any tunnel saw it: on a link, at nobody's address, in a full socket buffer, or refused by the receiver's kernel.</summary>
public sealed record PacketLost(WirePacket Packet, string Where) : SimulationEvent
{
    protected override string Describe() => $"p{Packet.Id} lost, {Where}";
}

/// <summary>Ingress let a packet pass.</summary>
/// <param name="Packet">The packet.</param>
/// <param name="Tunnel">Whose it is.</param>
/// <param name="Remote">From whom, as the path sees it.</param>
/// <param name="Source">The inner source MAC address; zero where the tunnel carries IP.</param>
public sealed record PacketAccepted(WirePacket Packet, SimulatedTunnel Tunnel, ValueIPAddress Remote, MacAddress Source) : SimulationEvent
{
    protected override string Describe() => $"{Tunnel} p{Packet.Id} accepted";
}

/// <summary>Ingress dropped a packet.</summary>
public sealed record PacketDropped(WirePacket Packet, SimulatedHost Host, SimulatedTunnel? Tunnel, DropReason Reason) : SimulationEvent
{
    protected override string Describe() => $"{Tunnel?.ToString() ?? Host.Name} p{Packet.Id} dropped, {DropReasons.Label(Reason)}";
}

/// <summary>A device was handed what came out of a tunnel.</summary>
public sealed record FrameDelivered(WirePacket Packet, SimulatedTunnel Tunnel, byte[] Bytes) : SimulationEvent
{
    protected override string Describe() => $"{Tunnel} -> f{Packet.Frame.Id} by p{Packet.Id}, {Bytes.Length} bytes";
}

/// <summary>The writer has applied an update: whoever decides from now on sees it.</summary>
public sealed record UpdateApplied(SimulatedTables Tables, OverlayUpdate Update) : SimulationEvent
{
    protected override string Describe() => $"{Tables.Name} {OverlayUpdateText.Of(Update)}";
}

/// <summary>The writer has put a set in the place of all entries of one origin.</summary>
public sealed record ForwardingReplaced(SimulatedTables Tables, FdbOrigin Origin, ForwardingReplacement Done) : SimulationEvent
{
    protected override string Describe() => $"{Tables.Name} replaced, {Done}";
}

/// <summary>An update took the last entry that named a remote.</summary>
public sealed record RemoteLeft(SimulatedTables Tables, ValueIPAddress Remote) : SimulationEvent
{
    protected override string Describe() => $"{Tables.Name} {Remote} left";
}

/// <summary>The writer took an address from a worker's queue.</summary>
public sealed record AddressLearned(SimulatedTables Tables, LearnedAddress Address, bool IsTaken) : SimulationEvent
{
    protected override string Describe() => $"{Tables.Name} {Address.Vni} {Address.Mac} at {Address.Remote} {(IsTaken ? "learned" : "refused")}";
}

/// <summary>The writer has aged the tables.</summary>
public sealed record TablesAged(SimulatedTables Tables, int Removed) : SimulationEvent
{
    protected override string Describe() => $"{Tables.Name} aged, {Removed} gone";
}

/// <summary>A station now stands behind another tunnel end.</summary>
public sealed record StationMoved(SimulatedStation Station, SimulatedTunnel From) : SimulationEvent
{
    protected override string Describe() => $"{Station.Name} moved from {From} to {Station.Tunnel}";
}

/// <summary>The way between two hosts changed.</summary>
public sealed record LinkChanged(string From, string To, LinkFaults Faults) : SimulationEvent
{
    protected override string Describe() => $"link {From} {To}: {Faults}";
}

/// <summary>A reader used a remote index that it had looked up before.</summary>
/// <param name="Tables">The tables.</param>
/// <param name="Index">The index.</param>
/// <param name="Expected">What it stood for when it was looked up.</param>
/// <param name="Found">What it stands for now.</param>
/// <param name="Age">For how many milliseconds it was held.</param>
public sealed record IndexUsed(SimulatedTables Tables, int Index, FdbRemote Expected, FdbRemote Found, long Age) : SimulationEvent
{
    protected override string Describe() => $"{Tables.Name} index {Index} after {Age} ms: {Found.Address}:{Found.Port}";
}

/// <summary>Something was tried that must be refused, and was.</summary>
public sealed record Refused(string What) : SimulationEvent
{
    protected override string Describe() => $"refused: {What}";
}

/// <summary>A worker has ended its turn: its books are closed.</summary>
public sealed record TurnEnded(WorkerActor Worker) : SimulationEvent
{
    public override bool IsSilent => true;

    protected override string Describe() => "turn ended";
}
