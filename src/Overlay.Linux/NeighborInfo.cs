namespace Overlay.Linux;

/// <summary>A station that the kernel knows.</summary>
/// <param name="InterfaceIndex">The interface, or the port of a bridge, that it is behind.</param>
/// <param name="Mac">Its MAC address; zero stands for all that have no entry of their own.</param>
/// <param name="Address">Its IP address; in the entries of a tunnel the remote that it is behind; null if the entry has none.</param>
public readonly record struct NeighborInfo(int InterfaceIndex, MacAddress Mac, ValueIPAddress? Address);
