using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="Decapsulator"/> for every kind of tunnel with every option: the short way against the one step by step.</summary>
internal sealed class DecapsulatorTarget : IFuzzTarget
{
    private static readonly TunnelKind[] Kinds = Enum.GetValues<TunnelKind>();
    private static readonly DecapsulationOptions AllOptions = Enum.GetValues<DecapsulationOptions>().Aggregate((all, one) => all | one);

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        foreach (TunnelKind kind in Kinds)
        {
            for (DecapsulationOptions options = 0; options <= AllOptions; options++)
            {
                Fuzz(input, kind, options);
            }
        }
    }

    private static void Fuzz(ReadOnlySpan<byte> input, TunnelKind kind, DecapsulationOptions options)
    {
        bool taken = Decapsulator.TryDecapsulate(input, kind, VxlanPacket.DefaultPort, options, out Decapsulated fast, out DropReason reason);
        Check.Equal(taken, reason == DropReason.None, "a reason exactly if it is refused");
        Check.Equal(Decapsulator.Examine(input, kind, VxlanPacket.DefaultPort, options, out Decapsulated slow), reason, $"{kind}, {options}: the reason");
        if (!taken)
        {
            Check.That(DropReasons.Label(reason).Length > 0, "every reason has a name");
            return;
        }

        Check.Inside(input, fast.Payload, "the payload");
        Check.Touch(fast.Payload);
        Check.Same(slow.Payload, fast.Payload, "the payload of both ways");
        Check.Equal(slow.PayloadOffset, fast.PayloadOffset, "the offset of the payload");
        Check.Equal((slow.Remote, slow.Local, slow.SourcePort, slow.IsOuterIPv4), (fast.Remote, fast.Local, fast.SourcePort, fast.IsOuterIPv4), "the ends of both ways");
        Check.Equal((slow.TrafficClass, slow.Ttl, slow.Protocol), (fast.TrafficClass, fast.Ttl, fast.Protocol), "the outer fields of both ways");
        Check.Equal((slow.Kind, slow.InnerProtocol, slow.Header, slow.HeaderLength, slow.Vni, slow.GroupPolicyId), (fast.Kind, fast.InnerProtocol, fast.Header, fast.HeaderLength, fast.Vni, fast.GroupPolicyId), "the tunnel header of both ways");
        Check.Inside(input, fast.Options, "the options");
        foreach (GeneveOption option in fast.GeneveOptions)
        {
            Check.Inside(fast.Options, option.Data, "an option");
        }
    }
}
