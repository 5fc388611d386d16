using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="NshPacket"/>.</summary>
internal sealed class NshTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool parsed = NshPacket.TryParse(input, out NshPacket packet, out WireError error);
        Check.Equal(parsed, error == WireError.None, "an error exactly if it is no packet");
        Check.Equal(parsed, NshPacket.TryParse(input, out _), "both overloads");
        if (!parsed)
        {
            return;
        }

        Check.Inside(input, packet.Context, "the context");
        Check.Inside(input, packet.Payload, "the payload");
        Check.Touch(packet.Context);
        Check.Touch(packet.Payload);
        Check.Equal(input.Length, packet.HeaderLength + packet.Payload.Length, "header and payload");
        Check.Equal(packet.HeaderLength, NshPacket.MinimumHeaderLength + packet.Context.Length, "header and context");
        Check.Use((packet.Version, packet.IsOam, packet.TimeToLive, packet.MetadataType, packet.NextProtocol, packet.ServicePathIdentifier, packet.ServiceIndex));
    }
}
