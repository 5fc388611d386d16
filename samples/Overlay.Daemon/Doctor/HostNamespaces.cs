using Overlay.Linux;

namespace Overlay.Daemon.Doctor;

/// <summary>The network namespaces of this host as far as they can be found: this one, the named ones, and those that a process lives in.</summary>
internal sealed class HostNamespaces : IDisposable
{
    private const string NamedDirectory = "/run/netns";

    private readonly Dictionary<string, NamespaceView> _views = [];
    private bool _isComplete;

    /// <summary>Opens the namespace of this thread.</summary>
    /// <exception cref="LinuxException">It cannot be had.</exception>
    public HostNamespaces() => Here = Add(NetworkNamespace.OpenCurrent(), "here", "ip");

    /// <summary>The namespace of the caller.</summary>
    public NamespaceView Here { get; }

    /// <summary>Whether a text is the name or path of a namespace, not of an interface.</summary>
    public static bool IsName(string text) => text.StartsWith('/') || (text is not ("." or "..") && !text.Contains('/', StringComparison.Ordinal) && File.Exists($"{NamedDirectory}/{text}"));

    /// <summary>A namespace by name or path.</summary>
    /// <exception cref="LinuxException">There is none, or it cannot be entered.</exception>
    public NamespaceView Open(string nameOrPath) => Add(NetworkNamespace.Open(nameOrPath), nameOrPath, Command(nameOrPath));

    /// <summary>The namespace that another has a number for.</summary>
    /// <returns>null if it is none of those that can be found.</returns>
    public NamespaceView? Find(NamespaceView from, int id)
    {
        if (_views.Values.FirstOrDefault(view => from.Netlink.GetNamespaceId(view.Namespace) == id) is NamespaceView known)
        {
            return known;
        }

        if (!_isComplete)
        {
            Search();
            _isComplete = true;
            return _views.Values.FirstOrDefault(view => from.Netlink.GetNamespaceId(view.Namespace) == id);
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (NamespaceView view in _views.Values)
        {
            view.Dispose();
        }
    }

    private static string Command(string nameOrPath) => nameOrPath.StartsWith('/') ? $"nsenter --net={nameOrPath} ip" : $"ip -n {nameOrPath}";

    // Names first: they say more than the number of a process.
    private void Search()
    {
        foreach (string path in Directory.Exists(NamedDirectory) ? Directory.GetFiles(NamedDirectory).Order() : Enumerable.Empty<string>())
        {
            TryAdd(path, Path.GetFileName(path), $"ip -n {Path.GetFileName(path)}");
        }

        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            string process = Path.GetFileName(directory);
            if (process.All(char.IsAsciiDigit))
            {
                TryAdd($"{directory}/ns/net", $"process {process}", $"nsenter -t {process} -n ip");
            }
        }
    }

    private void TryAdd(string path, string name, string command)
    {
        try
        {
            // The target of a link under /proc is the identity already: most processes live in a namespace that is known.
            if (new FileInfo(path).LinkTarget is string identity && _views.ContainsKey(identity))
            {
                return;
            }

            Add(NetworkNamespace.Open(path), name, command);
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException)
        {
            // A process that has ended, or one of another user: where its namespace is needed, the walk says that it was not found.
        }
    }

    private NamespaceView Add(NetworkNamespace opened, string name, string command)
    {
        string identity = opened.Identity;
        if (_views.TryGetValue(identity, out NamespaceView? known))
        {
            opened.Dispose();
            return known;
        }

        var view = new NamespaceView(name, command, opened);
        _views.Add(identity, view);
        return view;
    }
}
