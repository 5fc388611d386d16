using Xunit;

namespace Overlay.Linux.Tests;

public sealed class InterfaceNameTests
{
    [Theory]
    [InlineData("vx42", true)]
    [InlineData("vx%d", true)]
    [InlineData("fifteen-bytes-a", true)]
    [InlineData("sixteen-bytes-ab", false)]
    [InlineData("ééééééé", true)]
    [InlineData("éééééééé", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("a/b", false)]
    [InlineData("a:b", false)]
    [InlineData("a b", false)]
    [InlineData("a\tb", false)]
    [InlineData("a\0b", false)]
    public void Names_follow_the_kernels_rules(string? name, bool valid) => Assert.Equal(valid, InterfaceName.IsValid(name));
}
