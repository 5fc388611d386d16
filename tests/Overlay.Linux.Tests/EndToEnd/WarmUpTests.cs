using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>The warm-up of the data path, in this process.</summary>
public sealed class WarmUpTests
{
    public static TheoryData<TunnelKind> Kinds { get; } = [.. Enum.GetValues<TunnelKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_warm_up_carries_packets_and_leaves_nothing_behind(TunnelKind kind)
    {
        TunAccess.Require();
        // The first one lets the runtime open what it keeps for itself.
        _ = WarmUp.Run(kind, TimeSpan.FromMilliseconds(100));
        // Other tests of this process open and close files at the same time, some for longer: a leak would show every time.
        Assert.Contains(Enumerable.Range(0, 3), _ =>
        {
            int before = Descriptors();
            WarmUpResult result = WarmUp.Run(kind, TimeSpan.FromSeconds(2));
            Assert.InRange(result.Packets, 1_000, long.MaxValue);
            Assert.InRange(result.Time, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(4));
            return SpinWait.SpinUntil(() => Descriptors() <= before, 5_000);
        });
    }

    private static int Descriptors() => Directory.GetFiles("/proc/self/fd").Length;
}
