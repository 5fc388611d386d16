using System.Globalization;

namespace Overlay.Testing.Simulation;

/// <summary>A packet of the underlay, with its outer IP header; a duplicate is a packet of its own.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Frame">What it carries.</param>
/// <param name="From">Who put it onto the wire; null for an attacker.</param>
/// <param name="Destination">Whose address is in the outer header.</param>
/// <param name="Bytes">The bytes as they were sent.</param>
public sealed record WirePacket(long Id, SimulatedFrame Frame, SimulatedHost? From, ValueIPAddress Destination, byte[] Bytes)
{
    /// <summary>Whether the network turned a bit of it.</summary>
    public bool IsCorrupted { get; internal set; }

    /// <summary>The number of the packet that this one is a duplicate of; −1 if it is none.</summary>
    public long DuplicateOf { get; init; } = -1;

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"p{Id} f{Frame.Id} {From?.Name ?? "forged"} > {Destination}, {Bytes.Length} bytes");
}
