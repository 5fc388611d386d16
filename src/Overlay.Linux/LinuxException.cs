using System.Runtime.InteropServices;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// The kernel refused a call. The message says what it was about, what the kernel said, what to do, and which call with which error number:
/// <c>/dev/net/tun: permission denied, needs CAP_NET_ADMIN (open: EACCES)</c>.
/// </summary>
public sealed class LinuxException : IOException
{
    /// <summary>Makes an exception for a refused call.</summary>
    /// <param name="errno">What the kernel answered.</param>
    /// <param name="call">The system call, ioctl or netlink message, for instance <c>TUNSETIFF</c>.</param>
    /// <param name="name">What it was about: a path, an interface, an address.</param>
    /// <param name="advice">What to do or what it means, in a few words; null if there is nothing to add.</param>
    public LinuxException(Errno errno, string call, string name, string? advice = null)
        : base(Format(errno, call, name, advice))
    {
        Errno = errno;
        Call = call;
        Name = name;
        HResult = (int)errno;
    }

    /// <summary>What the kernel answered.</summary>
    public Errno Errno { get; }

    /// <summary>The system call, ioctl or netlink message that failed.</summary>
    public string Call { get; }

    /// <summary>What the call was about: a path, an interface, an address.</summary>
    public string Name { get; }

    /// <summary>The exception for the call that just failed on this thread: to be made before anything else is called.</summary>
    internal static LinuxException Last(string call, string name, string? advice = null) => new(Libc.LastError, call, name, advice);

    private static string Format(Errno errno, string call, string name, string? advice)
    {
        string text = Marshal.GetPInvokeErrorMessage((int)errno);
        // The C library begins its sentences with a capital; here the name comes first. "RTNETLINK…" and the like stay.
        if (text.Length > 1 && char.IsUpper(text[0]) && char.IsLower(text[1]))
        {
            text = char.ToLowerInvariant(text[0]) + text[1..];
        }

        return advice is null ? $"{name}: {text} ({call}: {errno})" : $"{name}: {text}, {advice} ({call}: {errno})";
    }
}
