using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>What is read out of the release, and the rule that depends on it.</summary>
public sealed class KernelReleaseTests
{
    [Theory]
    [InlineData("6.18.44-fc-v669", 6, 18, 44)]
    [InlineData("7.1.4", 7, 1, 4)]
    [InlineData("7.0-rc1", 7, 0, 0)]
    [InlineData("7.1.x", 7, 1, 0)]
    [InlineData("5.10.0-28-amd64", 5, 10, 0)]
    [InlineData("10.20.300", 10, 20, 300)]
    public void Releases_are_read(string text, int major, int minor, int patch)
    {
        Assert.True(KernelRelease.TryParse(text, out KernelRelease release));
        Assert.Equal(new KernelRelease(major, minor, patch), release);
    }

    [Theory]
    [InlineData("")]
    [InlineData("7")]
    [InlineData("7.")]
    [InlineData(".7")]
    [InlineData("-7.1")]
    [InlineData("v7.1")]
    [InlineData("99999999999.1")]
    public void What_is_no_release_is_not_read(string text) => Assert.False(KernelRelease.TryParse(text, out _));

    [Theory]
    [InlineData("6.19.99", false)]
    [InlineData("7.0-rc1", true)]
    [InlineData("7.0.14-pve", true)]
    [InlineData("7.1.0-rc3", true)]
    [InlineData("7.1.4", true)]
    [InlineData("7.1.5", false)]
    [InlineData("7.2.0", false)]
    [InlineData("8.0.1", false)]
    public void The_faulty_releases_are_7_0_to_7_1_4(string text, bool faulty)
    {
        Assert.True(KernelRelease.TryParse(text, out KernelRelease release));
        Assert.Equal(faulty, release.BreaksEqualSegments);
    }

    [Fact]
    public void The_running_release_is_what_proc_says()
    {
        Assert.True(KernelRelease.TryParse(File.ReadAllText("/proc/sys/kernel/osrelease"), out KernelRelease expected));
        Assert.Equal(expected, KernelRelease.Running());
        Assert.NotEqual(default, expected);
    }
}
