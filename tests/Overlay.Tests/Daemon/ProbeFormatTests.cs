using System.Text;
using Overlay.Daemon.Doctor.Underlay;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>The two formats of <c>doctor underlay</c> on the wire; both ends may be of different versions.</summary>
public sealed class ProbeFormatTests
{
    private const ulong Session = 0x0102_0304_0506_0708;
    private const string Mark = "4F564C50524F4245" + "0102030405060708" + "7F" + "00" + "ABCD";

    [Fact]
    public void A_mark_is_what_the_documentation_says()
    {
        byte[] bytes = new byte[ProbeMark.Length];
        bytes.AsSpan().Fill(0xA5);
        new ProbeMark(Session, 127, 0xABCD).Write(bytes);
        Assert.Equal(Mark, Convert.ToHexString(bytes));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("0800000000000100", "FFFF")]
    [InlineData("4F564C50524F4244", "")]
    public void A_mark_is_found_wherever_it_is(string before, string after)
    {
        Assert.True(ProbeMark.TryFind(Convert.FromHexString(before + Mark + after), out ProbeMark mark));
        Assert.Equal(new ProbeMark(Session, 127, 0xABCD), mark);
    }

    [Fact]
    public void What_is_no_mark_is_none()
    {
        byte[] mark = Convert.FromHexString(Mark);
        for (int length = 0; length < mark.Length; length++)
        {
            Assert.False(ProbeMark.TryFind(mark.AsSpan(0, length), out _));
        }

        for (int bit = 0; bit < 64; bit++)
        {
            byte[] other = [.. mark];
            other[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(ProbeMark.TryFind(other, out _));
        }

        // A number that no answer has room for.
        mark[16] = 128;
        Assert.False(ProbeMark.TryFind(mark, out _));
    }

    [Fact]
    public void An_answer_comes_back_as_it_was_made()
    {
        ProbeArrival[] arrivals = [.. Enumerable.Range(0, ProbeAnswer.MaxProbes).Select(i => (ProbeArrival)(i % 4))];
        byte[] answer = ProbeAnswer.Make(Session, arrivals);
        Assert.Equal(16 + 128, answer.Length);
        Assert.Equal("OVLREPLY", Encoding.ASCII.GetString(answer, 0, 8));
        ProbeArrival[] read = new ProbeArrival[ProbeAnswer.MaxProbes];
        Assert.True(ProbeAnswer.TryRead(answer, Session, read));
        Assert.Equal(arrivals, read);
        // Of a later version, with more to say.
        answer[16] = 9;
        Assert.True(ProbeAnswer.TryRead([.. answer, 0], Session, read));
        Assert.Equal(ProbeArrival.Intact, read[0]);
        Assert.False(ProbeAnswer.TryRead(answer, Session + 1, read));
        Assert.False(ProbeAnswer.TryRead(answer.AsSpan(0, answer.Length - 1), Session, read));
        answer[0] ^= 1;
        Assert.False(ProbeAnswer.TryRead(answer, Session, read));
    }
}
