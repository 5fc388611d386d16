using Overlay.Wire;

namespace Overlay.Tests.Decoding;

/// <summary>Which UDP destination ports carry VXLAN. Geneve and VXLAN-GPE are looked for at their own ports.</summary>
internal sealed record WalkPorts(params ushort[] Vxlan)
{
    /// <summary>The assigned port and the one that Linux used before.</summary>
    public static WalkPorts Usual { get; } = new(VxlanPacket.DefaultPort, VxlanPacket.LegacyPort);
}
