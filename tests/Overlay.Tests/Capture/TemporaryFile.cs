namespace Overlay.Tests.Capture;

/// <summary>A file of the test's own, gone with it.</summary>
internal sealed class TemporaryFile : IDisposable
{
    public TemporaryFile(byte[]? content = null)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"overlay-capture-{Guid.NewGuid():N}");
        File.WriteAllBytes(Path, content ?? []);
    }

    public string Path { get; }

    public void Dispose() => File.Delete(Path);
}
