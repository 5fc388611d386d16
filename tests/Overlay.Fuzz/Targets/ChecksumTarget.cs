using Overlay.Testing;
using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="InternetChecksum"/> against the plain loop: whole, in two parts, copied, and after a change.</summary>
internal sealed class ChecksumTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        ushort expected = PacketBuilder.Checksum(input, 0);
        Check.Equal(expected, InternetChecksum.Compute(input), "the checksum");
        Check.Equal(expected == 0, InternetChecksum.IsValid(input), "a sum of all ones");
        Span<byte> room = Scratch.Room(input.Length);
        Check.Equal(expected, (ushort)~InternetChecksum.Fold(InternetChecksum.CopyPartial(input, room)), "the checksum of a copy");
        Check.Same(input, room, "the copy");
        if (input.IsEmpty)
        {
            return;
        }

        int cut = input[0] % (input.Length + 1);
        ulong sum = (cut & 1) == 0
            ? InternetChecksum.Partial(input[cut..], InternetChecksum.Partial(input[..cut]))
            : InternetChecksum.Partial(input[..cut], InternetChecksum.AtOddOffset(InternetChecksum.Partial(input[cut..])));
        Check.Equal(expected, (ushort)~InternetChecksum.Fold(sum), $"the checksum of two parts, cut at {cut}");
        if (input.Length >= 4)
        {
            Span<byte> copy = Scratch.Copy(input);
            ushort before = (ushort)((copy[2] << 8) | copy[3]);
            ushort after = (ushort)((copy[0] << 8) | copy[1]);
            copy[2] = copy[0];
            copy[3] = copy[1];
            // Two representations of zero: RFC 1624 §3.
            ushort updated = InternetChecksum.Update(expected, before, after);
            ushort whole = PacketBuilder.Checksum(copy, 0);
            Check.That(updated == whole || (updated is 0 or 0xFFFF && whole is 0 or 0xFFFF), $"the checksum after a change: {updated:x4}, and not {whole:x4}");
        }
    }
}
