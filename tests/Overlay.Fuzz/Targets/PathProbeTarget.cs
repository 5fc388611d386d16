using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="PathProbePacket"/>.</summary>
internal sealed class PathProbeTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = PathProbePacket.TryParse(input, out PathProbePacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no packet");
        Check.Equal(parsed, PathProbePacket.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Equal(input.Length, PathProbePacket.HeaderLength + packet.PaddingLength, "header and padding");
        Span<byte> written = stackalloc byte[PathProbePacket.HeaderLength];
        Check.That(packet.ToHeader().TryWrite(written, out int length), "what was read can be written");
        Check.Same(input[..PathProbePacket.HeaderLength], written[..length], "the header again");
    }
}
