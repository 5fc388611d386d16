namespace Overlay.Testing.Simulation;

/// <summary>What a port has handed to its worker and taken from it, in packets, counted by the port and by nobody else.</summary>
public sealed class PortCount
{
    /// <summary>Packets handed to the worker.</summary>
    public long Received { get; internal set; }

    /// <summary>Packets taken from the worker.</summary>
    public long Sent { get; internal set; }
}
