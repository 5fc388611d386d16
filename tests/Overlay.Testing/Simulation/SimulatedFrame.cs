using System.Globalization;

namespace Overlay.Testing.Simulation;

/// <summary>A frame (or, where the tunnel carries IP, a packet) that a station or an attacker made; followed through the simulation by identity.</summary>
public sealed class SimulatedFrame
{
    /// <summary>Makes the record of a frame.</summary>
    /// <param name="id">Its number.</param>
    /// <param name="vni">The network it was sent in: that of its device or, if forged, what its tunnel header says.</param>
    /// <param name="origin">Into which tunnel end it was given; null if it was forged and came out of nowhere.</param>
    /// <param name="isEthernet">Whether it begins with an Ethernet header.</param>
    /// <param name="what">What it is, for the log.</param>
    /// <param name="bytes">The bytes; never changed.</param>
    public SimulatedFrame(long id, Vni vni, SimulatedTunnel? origin, bool isEthernet, string what, byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        Id = id;
        Vni = vni;
        Origin = origin;
        What = what;
        Bytes = bytes;
        if (isEthernet && bytes.Length >= 2 * MacAddress.Length)
        {
            Destination = new MacAddress(bytes.AsSpan(0, MacAddress.Length));
            Source = new MacAddress(bytes.AsSpan(MacAddress.Length, MacAddress.Length));
        }
    }

    /// <summary>Its number.</summary>
    public long Id { get; }

    /// <summary>The network it was sent in.</summary>
    public Vni Vni { get; }

    /// <summary>Into which tunnel end it was given; null if it was forged.</summary>
    public SimulatedTunnel? Origin { get; }

    /// <summary>Whether it never went into a tunnel: an attacker wrote the outer headers, too.</summary>
    public bool IsForged => Origin is null;

    /// <summary>Whether an attacker has broken the tunnel header in front of it or cut it, so that what comes out may be something else.</summary>
    public bool IsMisshapen { get; init; }

    /// <summary>The destination MAC address; zero without an Ethernet header.</summary>
    public MacAddress Destination { get; }

    /// <summary>The source MAC address; zero without an Ethernet header.</summary>
    public MacAddress Source { get; }

    /// <summary>Whether it is for several.</summary>
    public bool IsMulticast => Destination.IsMulticast;

    /// <summary>What it is, in a word or two.</summary>
    public string What { get; }

    /// <summary>The bytes.</summary>
    public byte[] Bytes { get; }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"f{Id} {What}, {Bytes.Length} bytes, {Source} > {Destination}");
}
