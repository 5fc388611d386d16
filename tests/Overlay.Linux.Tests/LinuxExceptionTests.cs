using Xunit;

namespace Overlay.Linux.Tests;

public sealed class LinuxExceptionTests
{
    [Fact]
    public void The_message_says_what_why_and_which_call()
    {
        LinuxException exception = new(Errno.EACCES, "open", "/dev/net/tun", "needs CAP_NET_ADMIN");
        Assert.Equal("/dev/net/tun: permission denied, needs CAP_NET_ADMIN (open: EACCES)", exception.Message);
        Assert.Equal(Errno.EACCES, exception.Errno);
        Assert.Equal("open", exception.Call);
        Assert.Equal("/dev/net/tun", exception.Name);
    }

    [Fact]
    public void A_number_without_a_name_stays_a_number() =>
        Assert.Equal("x: too many users (y: 87)", new LinuxException((Errno)87, "y", "x").Message);

    [Theory]
    [InlineData(Errno.EACCES, "/dev/net/tun: permission denied, needs CAP_NET_ADMIN, and read and write access to the device file (open: EACCES)")]
    [InlineData(Errno.ENOENT, "/dev/net/tun: no such file or directory, load the driver (modprobe tun) or make the device file (mknod /dev/net/tun c 10 200) (open: ENOENT)")]
    [InlineData(Errno.EMFILE, "/dev/net/tun: too many open files, raise the limit of open files (ulimit -n) (open: EMFILE)")]
    public void A_device_file_that_does_not_open_says_what_to_do(Errno errno, string message) => Assert.Equal(message, TunDevice.OpenFailure(errno).Message);
}
