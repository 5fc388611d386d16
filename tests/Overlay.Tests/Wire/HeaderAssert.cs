using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

/// <summary>A parser, with the view left out, so that one loop serves all: <c>(s, out e) => UdpPacket.TryParse(s, out _, out e)</c>.</summary>
internal delegate bool Parser(ReadOnlySpan<byte> source, out WireError error);

/// <summary>A writer: <c>header.TryWrite</c>.</summary>
internal delegate bool Writer(Span<byte> destination, out int bytesWritten);

/// <summary>A field as a view reads it, as number.</summary>
internal delegate UInt128 FieldReader(ReadOnlySpan<byte> packet);

/// <summary>A field of an RFC diagram: its first bit, counted from the start of the header, and its width in bits.</summary>
internal sealed record Field(string Name, int FirstBit, int Width, FieldReader Read);

/// <summary>The checks that every header file gets.</summary>
internal static class HeaderAssert
{
    /// <summary>What memory holds before a header is written: a writer that relies on zeros is found.</summary>
    public const byte Dirt = 0xA5;

    private const int Guard = 8;

    /// <summary>The whole packet parses; each shorter beginning of it is refused as truncated.</summary>
    public static void RefusesEveryTruncation(byte[] packet, Parser parse)
    {
        Assert.True(parse(packet, out WireError error));
        Assert.Equal(WireError.None, error);
        for (int length = 0; length < packet.Length; length++)
        {
            // A copy of exactly this length: a read behind it is not saved by what follows.
            Assert.False(parse(packet.AsSpan(0, length).ToArray(), out error), $"{length} of {packet.Length} bytes were taken");
            Assert.Equal(WireError.Truncated, error);
        }
    }

    /// <summary>The bytes are refused for this reason.</summary>
    public static void Refuses(WireError expected, byte[] packet, Parser parse)
    {
        Assert.False(parse(packet, out WireError error), $"{Convert.ToHexString(packet)} was taken");
        Assert.Equal(expected, error);
    }

    /// <summary>The writer makes these bytes over dirty memory, touches nothing beside them, and writes nothing where they do not fit.</summary>
    public static void Writes(byte[] expected, Writer write)
    {
        byte[] memory = new byte[Guard + expected.Length + Guard];
        memory.AsSpan().Fill(Dirt);
        Assert.True(write(memory.AsSpan(Guard), out int written));
        Assert.Equal(expected.Length, written);
        Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(memory, Guard, written));
        Assert.Equal(-1, memory.AsSpan(0, Guard).IndexOfAnyExcept(Dirt));
        Assert.Equal(-1, memory.AsSpan(Guard + written).IndexOfAnyExcept(Dirt));

        for (int length = 0; length < expected.Length; length++)
        {
            byte[] tooShort = new byte[length];
            tooShort.AsSpan().Fill(Dirt);
            Assert.False(write(tooShort, out written));
            Assert.Equal(0, written);
            Assert.Equal(-1, tooShort.AsSpan().IndexOfAnyExcept(Dirt));
        }
    }

    /// <summary>What the writer makes over dirty memory.</summary>
    public static byte[] Written(Writer write)
    {
        byte[] memory = new byte[256];
        memory.AsSpan().Fill(Dirt);
        Assert.True(write(memory, out int written));
        return memory[..written];
    }

    /// <summary>
    /// Every bit of every field: flipping it changes this field, by this bit, and no other; and where a <paramref name="rewrite"/> (parse, to value,
    /// write) is given, it makes the changed bytes again.
    /// </summary>
    public static void EveryBit(byte[] packet, Field[] fields, Func<byte[], byte[]>? rewrite = null)
    {
        UInt128[] before = [.. fields.Select(field => field.Read(packet))];
        for (int i = 0; i < fields.Length; i++)
        {
            for (int bit = 0; bit < fields[i].Width; bit++)
            {
                byte[] changed = [.. packet];
                int position = fields[i].FirstBit + bit;
                changed[position / 8] ^= (byte)(0x80 >> (position % 8));
                for (int j = 0; j < fields.Length; j++)
                {
                    UInt128 expected = j == i ? before[j] ^ (UInt128.One << (fields[i].Width - 1 - bit)) : before[j];
                    UInt128 actual = fields[j].Read(changed);
                    Assert.True(expected == actual, $"bit {bit} of {fields[i].Name}: {fields[j].Name} is {actual}, not {expected}");
                }

                if (rewrite is not null)
                {
                    Assert.Equal(Convert.ToHexString(changed), Convert.ToHexString(rewrite(changed)));
                }
            }
        }
    }

    /// <summary>Ten thousand seeded values come back as they were written.</summary>
    public static void RoundTrips<T>(Func<Random, T> make, Func<T, byte[]> write, Func<byte[], T> parse)
    {
        Random random = new(42);
        for (int i = 0; i < 10_000; i++)
        {
            T value = make(random);
            Assert.Equal(value, parse(write(value)));
        }
    }

    /// <summary>
    /// Bytes that nobody meant: random ones, and the packet with random bytes changed, cut at random. <paramref name="read"/> parses and, if that
    /// worked, touches every accessor; it must not throw. It returns whether it parsed, so that the test knows that both ways were taken.
    /// </summary>
    public static void NeverThrows(byte[] packet, Func<byte[], bool> read)
    {
        Random random = new(4711);
        int taken = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = packet[..random.Next(packet.Length + 1)];
            if (i % 4 == 0)
            {
                random.NextBytes(bytes);
            }
            else if (i % 4 == 1)
            {
                bytes = [.. packet];
            }

            for (int changes = random.Next(4); changes > 0 && bytes.Length > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            taken += read(bytes) ? 1 : 0;
        }

        Assert.InRange(taken, 1, 19_999);
    }

    /// <summary>A random MAC address.</summary>
    public static MacAddress NextMac(this Random random) => MacAddress.FromValue((ulong)random.NextInt64(1L << 48));

    /// <summary>A random IPv4 address.</summary>
    public static ValueIPAddress NextIPv4(this Random random) => ValueIPAddress.FromIPv4((uint)random.NextInt64(1L << 32));

    /// <summary>A random IPv6 address; none is IPv4-mapped, because the first bytes are 2001:db8.</summary>
    public static ValueIPAddress NextIPv6(this Random random)
    {
        byte[] bytes = new byte[ValueIPAddress.IPv6Length];
        random.NextBytes(bytes);
        (bytes[0], bytes[1], bytes[2], bytes[3]) = (0x20, 0x01, 0x0D, 0xB8);
        return new ValueIPAddress(bytes);
    }

    /// <summary>An address as number, for <see cref="Field"/>.</summary>
    public static UInt128 ToNumber(this ValueIPAddress address)
    {
        byte[] bytes = new byte[ValueIPAddress.IPv6Length];
        Assert.True(address.TryWriteBytes(bytes, out int length));
        UInt128 number = 0;
        foreach (byte part in bytes.AsSpan(0, length))
        {
            number = (number << 8) | part;
        }

        return number;
    }
}
