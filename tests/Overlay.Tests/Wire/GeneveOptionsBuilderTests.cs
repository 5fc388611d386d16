using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class GeneveOptionsBuilderTests
{
    [Fact]
    public void Options_are_written_one_behind_the_other()
    {
        byte[] memory = new byte[40];
        memory.AsSpan().Fill(HeaderAssert.Dirt);
        GeneveOptionsBuilder builder = new(memory.AsSpan(0, 32));
        Assert.True(builder.Written.IsEmpty);
        Assert.True(builder.TryAdd(0xFFFF, 3, default));
        Assert.False(builder.HasCriticalOption);
        Assert.True(builder.TryAdd(0x0102, 0x80, Convert.FromHexString("1122334455667788")));
        Assert.True(builder.HasCriticalOption);
        Assert.True(builder.TryAdd(0xABCD, 0x7F, Convert.FromHexString("99AABBCC")));
        Assert.True(builder.HasCriticalOption);
        // The words of scapy's golden packet in another order.
        Assert.Equal("FFFF0300010280021122334455667788ABCD7F0199AABBCC", Convert.ToHexString(builder.Written));
        Assert.Equal(-1, memory.AsSpan(24).IndexOfAnyExcept(HeaderAssert.Dirt));
    }

    [Fact]
    public void What_does_not_fit_the_memory_is_refused_and_nothing_written()
    {
        for (int room = 0; room < 24; room++)
        {
            byte[] memory = new byte[32];
            memory.AsSpan().Fill(HeaderAssert.Dirt);
            GeneveOptionsBuilder builder = new(memory.AsSpan(0, room));
            int written = 0;
            while (builder.TryAdd(1, 0xFF, new byte[4]))
            {
                written += 8;
                Assert.Equal(written, builder.Written.Length);
            }

            Assert.Equal((room / 8 * 8, room >= 8), (written, builder.HasCriticalOption));
            Assert.Equal(-1, memory.AsSpan(written).IndexOfAnyExcept(HeaderAssert.Dirt));
        }
    }

    [Fact]
    public void More_than_a_header_holds_is_refused()
    {
        byte[] memory = new byte[512];
        GeneveOptionsBuilder builder = new(memory);
        Assert.True(builder.TryAdd(1, 1, new byte[124]));
        Assert.False(builder.TryAdd(1, 0x81, new byte[124]));
        Assert.False(builder.HasCriticalOption);
        Assert.True(builder.TryAdd(1, 1, new byte[116]));
        Assert.Equal(248, builder.Written.Length);
        Assert.False(builder.TryAdd(1, 1, new byte[4]));
        Assert.True(builder.TryAdd(1, 1, default));
        Assert.Equal(252, builder.Written.Length);
        Assert.False(builder.TryAdd(1, 1, default));
        Assert.True(new GeneveHeader(default).TryWrite(memory.AsSpan(252), builder.Written, out int length));
        Assert.Equal(GenevePacket.MaximumHeaderLength, length);
    }

    [Fact]
    public void Data_that_no_option_holds_are_refused()
    {
        for (int length = 0; length < 200; length++)
        {
            byte[] memory = new byte[256];
            byte[] data = new byte[length];
            data.AsSpan().Fill(1);
            if (length <= 124 && length % 4 == 0)
            {
                Assert.True(new GeneveOptionsBuilder(memory).TryAdd(1, 1, data));
                Assert.Equal(length / 4, memory[3]);
            }
            else
            {
                Assert.Throws<ArgumentException>(() => new GeneveOptionsBuilder(memory).TryAdd(1, 1, data));
                Assert.Equal(new byte[256], memory);
            }
        }
    }

    [Fact]
    public void Data_may_lie_in_the_same_memory()
    {
        byte[] memory = [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0];
        Assert.True(new GeneveOptionsBuilder(memory).TryAdd(0x0A0B, 0x0C, memory.AsSpan(0, 8)));
        Assert.Equal("0A0B0C020102030405060708", Convert.ToHexString(memory));
    }

    [Fact]
    public void The_default_value_has_no_memory()
    {
        GeneveOptionsBuilder builder = default;
        Assert.False(builder.TryAdd(1, 1, default));
        Assert.True(builder.Written.IsEmpty);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[GenevePacket.MaximumOptionsLength];
        byte[] data = new byte[124];
        Allocations.Zero(() =>
        {
            GeneveOptionsBuilder builder = new(memory);
            builder.TryAdd(0x0102, 0x83, data);
            builder.TryAdd(0x0304, 5, data.AsSpan(0, 8));
        });
        Assert.Equal("0102831F", Convert.ToHexString(memory, 0, 4));
        Assert.Equal("03040502", Convert.ToHexString(memory, 128, 4));
    }
}
