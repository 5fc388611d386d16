using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="ReceiveClassifier"/>: what it says of a message is true, and the pieces of a train are the message.</summary>
internal sealed class ReceiveClassifierTarget : IFuzzTarget
{
    private const int MaxDatagram = 1472;
    private const int InnerMtu = 1450;

    private static readonly TunnelKind[] Kinds = [.. Enum.GetValues<TunnelKind>().Where(kind => TunnelFacts.Of(kind).IsOverUdp)];

    private static readonly PacketBatch Batch = new(capacity: 64);

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (input.Length < 2)
        {
            return;
        }

        int told = BinaryPrimitives.ReadUInt16BigEndian(input) % 600;
        ReadOnlySpan<byte> message = input[2..];
        Batch.Clear();
        Check.That(Batch.TryAppend(message, out _), "a batch that is empty takes a message");
        // A limit below what the inputs have makes superpackets of short ones.
        TunnelKind kind = Kinds[(input[1] >> 1) % Kinds.Length];
        int lost = ReceiveClassifier.Split(kind, Batch, 0, told, (input[0] & 1) == 0 ? MaxDatagram : 100, InnerMtu);
        int length = 0;
        for (int i = 0; i < Batch.Count; i++)
        {
            length += Batch.Length(i);
            Judge(i);
        }

        Check.That(lost >= 0 && length <= message.Length, "pieces are parts of the message");

        Batch.Clear();
        Check.That(Batch.TryAppend(message, out _), "a batch that is empty takes a message");
        ReceiveClassifier.ClassifyIP(Batch, 0, (input[1] & 1) == 0 ? InnerMtu : 60);
        Judge(0);
    }

    private static void Judge(int index)
    {
        PacketMeta meta = Batch.Meta(index);
        ReadOnlySpan<byte> packet = Batch.Data(index);
        if (meta.Checksum == ChecksumState.Partial)
        {
            Check.That(Segmentation.CompleteChecksum(Scratch.Copy(packet), meta), "an unfinished checksum has a place");
        }

        if (meta.Segmentation != SegmentationKind.None)
        {
            Check.Equal(ChecksumState.Partial, meta.Checksum, "the checksum of a superpacket");
            Check.That(Segmentation.TryPlan(packet, meta, out SegmentPlan plan), "a superpacket can be cut");
            Check.Equal(PlainSegmentation.Cut(packet.ToArray(), meta).Count, plan.Count, "segments");
        }
    }
}
