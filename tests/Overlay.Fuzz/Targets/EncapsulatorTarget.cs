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
            Span<byte> room = Scratch.Room(encapsulator.Overhead + input.Length);
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

        // Bytes behind an IP packet do not go into the tunnel; of a frame all do.
        Check.That(kind == TunnelKind.Vxlan ? written == room.Length : written <= room.Length, $"{written} bytes written");
        bool taken = Decapsulator.TryDecapsulate(room[..written], kind, VxlanPacket.DefaultPort, out Decapsulated inner, out DropReason reason);
        Check.That(taken, $"{kind}: what was encapsulated is refused for {reason}");
        Check.Same(input[..(input.Length - room.Length + written)], inner.Payload, "what comes out");
    }
}
