using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class EcnTunnelTests
{
    // RFC 6040 §4.2, Figure 4; null is <drop>, and true marks (!!!).
    public static TheoryData<Ecn, Ecn, Ecn?, bool> Figure4 => new()
    {
        // inner, outer, outgoing
        { Ecn.NotEct, Ecn.NotEct, Ecn.NotEct, false },
        { Ecn.NotEct, Ecn.Ect0, Ecn.NotEct, true },
        { Ecn.NotEct, Ecn.Ect1, Ecn.NotEct, true },
        { Ecn.NotEct, Ecn.Ce, null, true },
        { Ecn.Ect0, Ecn.NotEct, Ecn.Ect0, false },
        { Ecn.Ect0, Ecn.Ect0, Ecn.Ect0, false },
        { Ecn.Ect0, Ecn.Ect1, Ecn.Ect1, false },
        { Ecn.Ect0, Ecn.Ce, Ecn.Ce, false },
        { Ecn.Ect1, Ecn.NotEct, Ecn.Ect1, false },
        { Ecn.Ect1, Ecn.Ect0, Ecn.Ect1, false },
        { Ecn.Ect1, Ecn.Ect1, Ecn.Ect1, false },
        { Ecn.Ect1, Ecn.Ce, Ecn.Ce, false },
        { Ecn.Ce, Ecn.NotEct, Ecn.Ce, false },
        { Ecn.Ce, Ecn.Ect0, Ecn.Ce, false },
        { Ecn.Ce, Ecn.Ect1, Ecn.Ce, true },
        { Ecn.Ce, Ecn.Ce, Ecn.Ce, false },
    };

    [Theory]
    [MemberData(nameof(Figure4))]
    public void Way_out_is_figure_4(Ecn inner, Ecn outer, Ecn? outgoing, bool dangerous)
    {
        foreach (EcnProfile profile in new[] { EcnProfile.Rfc6040, EcnProfile.Rfc6040Compatibility, EcnProfile.Rfc3168 })
        {
            Assert.Equal(outgoing.HasValue, EcnTunnel.TryInner(outer, inner, profile, out Ecn result));
            Assert.Equal(outgoing ?? inner, result);
        }

        Assert.Equal(dangerous, EcnTunnel.IsDangerous(outer, inner));
        Assert.True(EcnTunnel.TryInner(outer, inner, EcnProfile.Copy, out Ecn copied));
        Assert.Equal(inner, copied);
    }

    [Theory]
    [InlineData(EcnProfile.Rfc6040, Ecn.NotEct, Ecn.Ect1, Ecn.Ect0, Ecn.Ce)]
    [InlineData(EcnProfile.Rfc6040Compatibility, Ecn.NotEct, Ecn.NotEct, Ecn.NotEct, Ecn.NotEct)]
    [InlineData(EcnProfile.Rfc3168, Ecn.NotEct, Ecn.Ect1, Ecn.Ect0, Ecn.Ect0)]
    [InlineData(EcnProfile.Copy, Ecn.NotEct, Ecn.Ect1, Ecn.Ect0, Ecn.Ce)]
    public void Way_in_depends_on_the_profile(EcnProfile profile, Ecn notEct, Ecn ect1, Ecn ect0, Ecn ce)
    {
        Assert.Equal(notEct, EcnTunnel.Outer(Ecn.NotEct, profile));
        Assert.Equal(ect1, EcnTunnel.Outer(Ecn.Ect1, profile));
        Assert.Equal(ect0, EcnTunnel.Outer(Ecn.Ect0, profile));
        Assert.Equal(ce, EcnTunnel.Outer(Ecn.Ce, profile));
    }

    [Fact]
    public void Values_are_those_of_the_wire() => Assert.Equal([0, 1, 2, 3], new[] { (int)Ecn.NotEct, (int)Ecn.Ect1, (int)Ecn.Ect0, (int)Ecn.Ce });
}
