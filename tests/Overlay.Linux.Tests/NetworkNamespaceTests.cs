using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

public sealed class NetworkNamespaceTests
{
    [Fact]
    public void Run_sees_the_interfaces_of_the_namespace_and_leaves_the_caller_where_it_was()
    {
        using Netns netns = Netns.Create();
        netns.Ip("link", "add", "only-here", "type", "veth", "peer", "name", "other-end");
        string before = Own();
        using NetworkNamespace space = NetworkNamespace.Open(netns.Name);
        (string inside, string[] names) = space.Run(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            return (Own(), netlink.GetLinks().Select(link => link.Name).ToArray());
        });
        Assert.NotEqual(before, inside);
        Assert.Equal(before, Own());
        Assert.Equal(["lo", "only-here", "other-end"], names.Order());
    }

    [Fact]
    public void A_path_opens_the_same_namespace()
    {
        using Netns netns = Netns.Create();
        using NetworkNamespace byPath = NetworkNamespace.Open($"/run/netns/{netns.Name}");
        Assert.Equal(netns.Run(Own), byPath.Run(Own));
    }

    [Fact]
    public void An_exception_comes_back_as_it_was_thrown()
    {
        using Netns netns = Netns.Create();
        Assert.Equal("from inside", Assert.Throws<FormatException>(() => netns.Run(() => throw new FormatException("from inside"))).Message);
    }

    [Fact]
    public void Start_runs_a_thread_inside()
    {
        using Netns netns = Netns.Create();
        string? inside = null;
        using (NetworkNamespace space = NetworkNamespace.Open(netns.Name))
        {
            Thread thread = space.Start("worker", () => inside = Own());
            Assert.Equal("worker", thread.Name);
            thread.Join();
        }

        Assert.Equal(netns.Run(Own), inside);
    }

    [Fact]
    public void A_name_that_does_not_exist_says_how_to_make_it()
    {
        LinuxException exception = Assert.Throws<LinuxException>(() => NetworkNamespace.Open("no-such-namespace"));
        Assert.Equal(
            "/run/netns/no-such-namespace: no such file or directory, make it with 'ip netns add no-such-namespace' (open: ENOENT)", exception.Message);
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData(" ")]
    public void A_name_that_cannot_be_one_is_a_mistake(string name) => Assert.Throws<ArgumentException>(() => NetworkNamespace.Open(name));

    [Fact]
    public void A_file_that_is_no_namespace_says_so()
    {
        Requires.Root();
        using NetworkNamespace space = NetworkNamespace.Open("/dev/null");
        Assert.Equal(
            "/dev/null: invalid argument, this is not a network namespace (setns: EINVAL)", Assert.Throws<LinuxException>(() => space.Run(Own)).Message);
        Assert.Throws<LinuxException>(() => space.Start("never", () => Assert.Fail("ran outside")));
    }

    [Fact]
    public void Without_privileges_the_message_names_the_capability()
    {
        using Netns netns = Netns.Create();
        using NetworkNamespace space = NetworkNamespace.Open(netns.Name);
        Privileges.RunWithoutAny(() => Assert.EndsWith(
            "needs CAP_SYS_ADMIN (setns: EPERM)", Assert.Throws<LinuxException>(() => space.Run(Own)).Message, StringComparison.Ordinal));
    }

    private static string Own() => File.ResolveLinkTarget("/proc/thread-self/ns/net", returnFinalTarget: false)!.Name;
}
