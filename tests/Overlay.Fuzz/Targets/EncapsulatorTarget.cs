using System.Buffers;
using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary>What is put into a tunnel comes out of it, and what is refused is refused without an exception.</summary>
internal sealed class EncapsulatorTarget : IFuzzTarget
{
    private static readonly VxlanEncapsulator[] Vxlan = [new(Samples.A4, Samples.B4), new(Samples.A6, Samples.B6)];
    private static readonly IPInIPEncapsulator[] IPInIP = [new(Samples.A4, Samples.B4), new(Samples.A6, Samples.B6)];

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        foreach (VxlanEncapsulator encapsulator in Vxlan)
        {
            Span<byte> room = Scratch.Room(encapsulator.Overhead + input.Length);
            OperationStatus status = encapsulator.Encapsulate(input, new Vni(42), room, out int written);
            ComesOut(input, status, room, written, TunnelKind.Vxlan);
        }

        foreach (IPInIPEncapsulator encapsulator in IPInIP)
        {
            // A packet that carries an encapsulation limit gets one in front, too.
            Span<byte> room = Scratch.Room(encapsulator.Overhead + IPInIPEncapsulator.EncapsulationLimitLength + input.Length);
            OperationStatus status = encapsulator.Encapsulate(input, room, out int written);
            ComesOut(input, status, room, written, TunnelKind.IPInIP);
        }
    }

    private static void ComesOut(ReadOnlySpan<byte> input, OperationStatus status, ReadOnlySpan<byte> room, int written, TunnelKind kind)
    {
        Check.That(status is OperationStatus.Done or OperationStatus.InvalidData, $"{status}");
        if (status != OperationStatus.Done)
        {
            Check.Equal(0, written, "bytes of what was refused");
            return;
        }

        Check.That(kind == TunnelKind.Vxlan ? written == room.Length : written <= room.Length, $"{written} bytes written");
        bool taken = Decapsulator.TryDecapsulate(room[..written], kind, VxlanPacket.DefaultPort, out Decapsulated inner, out DropReason reason);
        Check.That(taken, $"{kind}: what was encapsulated is refused for {reason}");
        // Bytes behind an IP packet do not go into the tunnel; of a frame all do.
        Check.Equal(LengthInside(input, kind), inner.Payload.Length, "the length of what comes out");
        Check.Same(input[..inner.Payload.Length], inner.Payload, "what comes out");
    }

    private static int LengthInside(ReadOnlySpan<byte> input, TunnelKind kind)
    {
        if (kind == TunnelKind.Vxlan)
        {
            return input.Length;
        }

        return IPv4Packet.TryParse(input, out IPv4Packet ipv4) ? ipv4.Bytes.Length
            : IPv6Packet.TryParse(input, out IPv6Packet ipv6) ? ipv6.Bytes.Length
            : -1;
    }
}
