namespace Overlay.Tests.Daemon;

/// <summary>A directory of a test's own, gone with it. Its name is short: the path of a Unix socket has 107 bytes.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("ovl").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
