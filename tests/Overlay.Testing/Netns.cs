using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using Overlay.Linux;

namespace Overlay.Testing;

/// <summary>
/// A network namespace for a test, made by <c>ip netns add</c> with a name of its own and removed on dispose, or at the latest when the process ends.
/// </summary>
/// <remarks>
/// As root, or as anybody under <c>unshare -Urnm sh -c 'mount -t tmpfs tmpfs /run &amp;&amp; mkdir /run/netns &amp;&amp; exec …'</c>.
/// </remarks>
[SupportedOSPlatform("linux")]
public sealed class Netns : IDisposable
{
    private static readonly ConcurrentDictionary<string, bool> Living = new();
    private static int _count;

    private readonly NetworkNamespace _namespace;

    static Netns() => AppDomain.CurrentDomain.ProcessExit += static (_, _) =>
    {
        foreach (string name in Living.Keys)
        {
            Remove(name);
        }
    };

    private Netns(string name)
    {
        Name = name;
        _namespace = NetworkNamespace.Open(name);
    }

    /// <summary>The name, as <c>ip netns</c> knows it.</summary>
    public string Name { get; }

    /// <summary>Makes a namespace whose loopback is up. Skips or fails the test without the rights to (<see cref="Requires"/>).</summary>
    /// <param name="prefix">The beginning of its name.</param>
    /// <param name="quiet">
    /// Whether interfaces made later neither make up link-local addresses nor solicit routers or test addresses: devices then carry only what the test sends.
    /// </param>
    public static Netns Create(string prefix = "ovtest", bool quiet = true)
    {
        Requires.Root();
        Requires.Tool("ip");
        string name = string.Create(CultureInfo.InvariantCulture, $"{prefix}-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");
        CommandResult added = Command.TryRun(Command.DefaultTimeout, "ip", "netns", "add", name);
        if (added.ExitCode != 0)
        {
            Requires.Missing($"needs network namespaces; as an ordinary user run it under 'unshare -Urnm' with a tmpfs on /run. {added.Error.Trim()}");
        }

        Living[name] = true;
        Netns? netns = null;
        try
        {
            netns = new Netns(name);
            netns.Ip("link", "set", "lo", "up");
            if (quiet && Directory.Exists("/proc/sys/net/ipv6"))
            {
                netns.Sysctl("net.ipv6.conf.default.addr_gen_mode", "1");
                netns.Sysctl("net.ipv6.conf.default.router_solicitations", "0");
                netns.Sysctl("net.ipv6.conf.default.accept_dad", "0");
            }

            return netns;
        }
        catch
        {
            netns?._namespace.Dispose();
            Remove(name);
            throw;
        }
    }

    /// <summary>Joins two namespaces by a veth pair, up, each end with its address.</summary>
    /// <param name="first">One namespace.</param>
    /// <param name="firstDevice">The name of its end.</param>
    /// <param name="firstAddress">Address and prefix length of its end, such as <c>192.0.2.1/24</c>; null for none.</param>
    /// <param name="second">The other namespace.</param>
    /// <param name="secondDevice">The name of its end.</param>
    /// <param name="secondAddress">Address and prefix length of its end; null for none.</param>
    /// <param name="mtu">The MTU of both.</param>
    public static void Connect(
        Netns first, string firstDevice, string? firstAddress, Netns second, string secondDevice, string? secondAddress, int mtu = 1500)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        first.Ip("link", "add", firstDevice, "mtu", Text(mtu), "type", "veth", "peer", "name", secondDevice, "mtu", Text(mtu), "netns", second.Name);
        first.Configure(firstDevice, firstAddress);
        second.Configure(secondDevice, secondAddress);
    }

    /// <summary>Runs a program inside; it must succeed.</summary>
    public CommandResult Exec(string program, params IEnumerable<string> arguments) =>
        Command.Run("ip", ["netns", "exec", Name, Requires.Tool(program), .. arguments]);

    /// <summary>Runs a program inside, whatever its exit code.</summary>
    public CommandResult TryExec(TimeSpan timeout, string program, params IEnumerable<string> arguments) =>
        Command.TryRun(timeout, "ip", ["netns", "exec", Name, Requires.Tool(program), .. arguments]);

    /// <summary>Starts a program inside; the caller ends and disposes it. Its process is the program's own.</summary>
    public Process Start(string program, params IEnumerable<string> arguments) =>
        Command.Start("ip", ["netns", "exec", Name, Requires.Tool(program), .. arguments]);

    /// <summary>Runs <c>ip</c> on this namespace; it must succeed.</summary>
    public CommandResult Ip(params IEnumerable<string> arguments) => Command.Run("ip", ["-n", Name, .. arguments]);

    /// <summary>Adds an address, without duplicate detection, and sets the interface up.</summary>
    public void Configure(string device, string? address)
    {
        if (address is not null)
        {
            // IPv6 knows nodad, IPv4 ignores it.
            Ip("address", "add", address, "dev", device, "nodad");
        }

        Ip("link", "set", device, "up");
    }

    /// <summary>Sets a kernel parameter, such as <c>net.ipv4.ip_forward</c>.</summary>
    public void Sysctl(string key, string value)
    {
        ArgumentNullException.ThrowIfNull(key);
        // /proc/sys/net shows the namespace of the thread that opens it.
        Run(() => File.WriteAllText("/proc/sys/" + key.Replace('.', '/'), value));
    }

    /// <summary>Switches offloads of an interface off, by the names of <c>ethtool -K</c>: <c>tx</c>, <c>tso</c>, <c>gro</c> …</summary>
    public void EthtoolOff(string device, params IEnumerable<string> features) =>
        Exec("ethtool", ["-K", device, .. features.SelectMany(feature => new[] { feature, "off" })]);

    /// <summary>Runs a function on a thread inside. Sockets and devices it opens stay inside.</summary>
    public T Run<T>(Func<T> function) => _namespace.Run(function);

    /// <summary>Runs an action on a thread inside.</summary>
    public void Run(Action action) => _namespace.Run(action);

    /// <summary>Starts a thread inside.</summary>
    public Thread Start(string threadName, Action action) => _namespace.Start(threadName, action);

    /// <summary>Removes the namespace, and with it all its interfaces that nobody holds open.</summary>
    public void Dispose()
    {
        _namespace.Dispose();
        Remove(Name);
    }

    private static void Remove(string name)
    {
        if (Living.TryRemove(name, out _))
        {
            CommandResult result = Command.TryRun(Command.DefaultTimeout, "ip", "netns", "delete", name);
            if (result.ExitCode != 0)
            {
                Console.Error.WriteLine($"The network namespace {name} could not be removed: {result.Error.Trim()}");
            }
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
