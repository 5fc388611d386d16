using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="FlowHash"/>: the short way against the long one, and only headers count.</summary>
internal sealed class FlowHashTarget : IFuzzTarget
{
    private const uint Seed = 0x1234_5678;

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        uint hash = FlowHash.Compute(input, Seed);
        Check.Equal(FlowHash.ComputeAny(input, Seed), hash, "the hash of the short way");
        uint label = FlowHash.ToFlowLabel(hash);
        Check.That(label is > 0 and <= IPv6Packet.MaximumFlowLabel, $"flow label {label}");
        Check.That(FlowHash.ToSourcePort(hash, 50_000, 50_009) is >= 50_000 and <= 50_009, "a source port of the range");
        Check.Use(FlowHash.ComputeIP(input, Seed));
        if (EthernetFrame.TryParse(input, out EthernetFrame frame))
        {
            Check.Equal(FlowHash.Compute(in frame, Seed), hash, "the hash of the view");
            if (frame.EtherType is EtherType.IPv4 or EtherType.IPv6)
            {
                Check.Equal(FlowHash.ComputeIP(frame.Payload, Seed), hash, "the hash of the packet in the frame");
            }
        }
    }
}
