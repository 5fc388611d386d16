namespace Overlay.Encapsulation;

/// <summary>Something that a layer writes beside the packet it carries.</summary>
/// <param name="Name">What it is: <c>IPv6</c>, <c>UDP</c>, <c>vxlan</c>.</param>
/// <param name="Length">Its bytes.</param>
public readonly record struct TunnelPart(string Name, int Length);
