using System.ComponentModel;
using Overlay.Wire;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>A VXLAN header with a group.</summary>
[Description("VXLAN-GBP")]
public readonly struct VxlanGroupPolicySample : IHeaderSample
{
    public static int Write(Span<byte> destination, uint number)
    {
        new VxlanHeader(SampleFields.Vni(number), VxlanFlags.ValidVni | VxlanFlags.GroupPolicy)
        {
            GroupPolicyFlags = VxlanGroupPolicyFlags.PolicyApplied,
            GroupPolicyId = (ushort)number,
        }.TryWrite(destination, out int length);
        return length;
    }

    public static ulong Parse(ReadOnlySpan<byte> packet) => VxlanPacket.TryParse(packet, out VxlanPacket vxlan)
        ? SampleFields.Parsed + (ulong)vxlan.Flags + vxlan.Vni.Value + (ulong)vxlan.GroupPolicyFlags + vxlan.GroupPolicyId
        : 0;
}
