using System.Runtime.ExceptionServices;
using System.Text;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// A network namespace (network_namespaces(7)) in which devices and sockets can be opened. What was opened there stays there, whichever thread
/// uses it later.
/// </summary>
/// <remarks>
/// Code runs inside on threads made for it alone: a thread of the pool would take its namespace along to whatever it does next.
/// </remarks>
public sealed class NetworkNamespace : IDisposable
{
    private const string NamedDirectory = "/run/netns";

    private readonly FileDescriptor _namespace;

    private NetworkNamespace(FileDescriptor handle, string name)
    {
        _namespace = handle;
        Name = name;
    }

    /// <summary>The descriptor's number, for system calls.</summary>
    internal int Handle => _namespace.Value;

    /// <summary>What tells it from all others, however it was opened, as the links of /proc/PID/ns say it: <c>net:[4026531840]</c> (namespaces(7)).</summary>
    /// <exception cref="LinuxException">ENOSYS: the kernel does not say it of descriptors; it does from Linux 5.14 on.</exception>
    public string Identity
    {
        get
        {
            // proc_pid_fdinfo(5). The link of the descriptor itself names the file of a namespace that has one, and no number.
            const string Inode = "ino:";
            string? line = File.ReadLines($"/proc/self/fdinfo/{Handle}").FirstOrDefault(line => line.StartsWith(Inode, StringComparison.Ordinal));
            return line is null
                ? throw new LinuxException(Errno.ENOSYS, "fdinfo", Name, "needs Linux 5.14")
                : $"net:[{line.AsSpan(Inode.Length).Trim()}]";
        }
    }

    /// <summary>The name or path it was opened by.</summary>
    public string Name { get; }

    /// <summary>Opens a namespace; it lives at least until this object is disposed.</summary>
    /// <param name="nameOrPath">A name as <c>ip netns</c> knows it, or a path such as <c>/proc/1234/ns/net</c>.</param>
    /// <exception cref="ArgumentException">The text is neither a name nor an absolute path.</exception>
    /// <exception cref="LinuxException">ENOENT: there is none; EACCES, EPERM.</exception>
    public static unsafe NetworkNamespace Open(string nameOrPath)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(nameOrPath);
        bool isPath = nameOrPath[0] == '/';
        if (nameOrPath.Contains('\0') || (!isPath && (nameOrPath.Contains('/') || nameOrPath is "." or "..")))
        {
            throw new ArgumentException($"'{nameOrPath}' is neither the name of a network namespace nor an absolute path.", nameof(nameOrPath));
        }

        string path = isPath ? nameOrPath : $"{NamedDirectory}/{nameOrPath}";
        int handle;
        fixed (byte* text = Encoding.UTF8.GetBytes(path + '\0'))
        {
            handle = Libc.open(text, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        }

        if (handle < 0)
        {
            Errno error = Libc.LastError;
            throw new LinuxException(error, "open", path, error == Errno.ENOENT && !isPath ? $"make it with 'ip netns add {nameOrPath}'" : null);
        }

        return new NetworkNamespace(new FileDescriptor(handle), nameOrPath);
    }

    /// <summary>Opens the namespace of this thread.</summary>
    /// <exception cref="LinuxException">There is no /proc.</exception>
    public static NetworkNamespace OpenCurrent() => Open("/proc/thread-self/ns/net");

    /// <summary>Runs a function inside, on a thread of its own, and waits for it.</summary>
    /// <returns>What the function returned.</returns>
    /// <exception cref="LinuxException">EPERM without CAP_SYS_ADMIN; EINVAL if this is not a network namespace.</exception>
    /// <remarks>An exception of the function is thrown here, as it was thrown there.</remarks>
    public T Run<T>(Func<T> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        ObjectDisposedException.ThrowIf(_namespace.IsClosed, this);
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                Enter();
                result = function();
            }
#pragma warning disable CA1031 // Nothing is swallowed: it is thrown again on the thread that waits.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        })
        {
            IsBackground = true,
            Name = $"netns {Name}",
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    /// <summary>Runs an action inside, on a thread of its own, and waits for it.</summary>
    /// <inheritdoc cref="Run{T}(Func{T})"/>
    public void Run(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        Run<object?>(() =>
        {
            action();
            return null;
        });
    }

    /// <summary>Starts a thread inside, to go on by itself: a worker. It has entered the namespace when this returns.</summary>
    /// <param name="threadName">The thread's name.</param>
    /// <param name="action">What it does. An exception that leaves it ends the process, as on every thread.</param>
    /// <exception cref="LinuxException">The thread could not enter.</exception>
    public Thread Start(string threadName, Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        ObjectDisposedException.ThrowIf(_namespace.IsClosed, this);
        LinuxException? failure = null;
        using ManualResetEventSlim entered = new();
        Thread thread = new(() =>
        {
            try
            {
                Enter();
            }
            catch (LinuxException exception)
            {
                failure = exception;
            }

            bool inside = failure is null;
            entered.Set();
            if (inside)
            {
                action();
            }
        })
        {
            IsBackground = true,
            Name = threadName,
        };
        thread.Start();
        entered.Wait();
        return failure is null ? thread : throw failure;
    }

    /// <summary>Lets go of the namespace; what was opened inside keeps it alive.</summary>
    public void Dispose() => _namespace.Dispose();

    private void Enter()
    {
        if (Libc.setns(_namespace.Value, Libc.CLONE_NEWNET) != 0)
        {
            Errno error = Libc.LastError;
            throw new LinuxException(error, "setns", Name, error switch
            {
                Errno.EPERM => "needs CAP_SYS_ADMIN",
                Errno.EINVAL => "this is not a network namespace",
                _ => null,
            });
        }
    }
}
