using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.DataPath;

public sealed class GreSequenceTests
{
    private static readonly ValueIPAddress One = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Two = ValueIPAddress.Parse("192.0.2.2");

    [Theory]
    [InlineData(new uint[] { 0, 1, 2, 3 }, "yyyy")]
    [InlineData(new uint[] { 1000, 1001, 1005, 1002, 1003, 1004, 1006 }, "yyynnny")]
    [InlineData(new uint[] { 5, 5 }, "yn")]
    [InlineData(new uint[] { 0, 0, 1 }, "yny")]
    // It wraps (RFC 2890 §2.2).
    [InlineData(new uint[] { uint.MaxValue - 1, uint.MaxValue, 0, 1, uint.MaxValue, 2 }, "yyyyny")]
    // The other end begins anew: with 0, or, if that was lost, far behind.
    [InlineData(new uint[] { 700, 701, 0, 1, 2, 702 }, "yyyyyy")]
    [InlineData(new uint[] { 100_000, 1, 2, 1 }, "yyyn")]
    [InlineData(new uint[] { 10_000, 10_001 - GreSequence.LateWithin, 10_001 }, "yny")]
    [InlineData(new uint[] { 10_000, 10_000 - GreSequence.LateWithin, 10_001 - GreSequence.LateWithin }, "yyy")]
    public void Numbers_are_in_order_or_late(uint[] numbers, string passes)
    {
        GreSequence sequence = new();
        Assert.Equal(passes, string.Concat(numbers.Select(number => sequence.Accept(One, number) ? 'y' : 'n')));
    }

    [Fact]
    public void Remotes_count_for_themselves()
    {
        GreSequence sequence = new();
        Assert.True(sequence.Accept(One, 500));
        Assert.True(sequence.Accept(Two, 100));
        Assert.False(sequence.Accept(One, 499));
        Assert.False(sequence.Accept(Two, 99));
        Assert.True(sequence.Accept(Two, 101));
    }

    [Fact]
    public void Remotes_of_anybodys_choice_do_not_take_the_memory()
    {
        GreSequence sequence = new();
        for (uint i = 0; i < 10_000; i++)
        {
            Assert.True(sequence.Accept(ValueIPAddress.FromIPv4(i), 5));
        }

        // Forgotten, and so a first packet once more.
        Assert.True(sequence.Accept(ValueIPAddress.FromIPv4(0), 4));
        Assert.False(sequence.Accept(ValueIPAddress.FromIPv4(9_999), 4));
        Allocations.Zero(() => sequence.Accept(One, 1));
    }
}
