namespace Overlay.Forwarding.Subjects;

/// <summary>An end of a tunnel that processes make, and files that go with them.</summary>
/// <param name="processes">They are ended in the reverse order.</param>
/// <param name="directory">Removed last; null for none.</param>
internal sealed class ProcessEnd(IReadOnlyList<ForwarderProcess> processes, string? directory = null) : ITunnelEnd
{
    /// <inheritdoc/>
    public IReadOnlyList<int> Processes { get; } = [.. processes.Select(process => process.Id)];

    /// <inheritdoc/>
    public TimeSpan? StartTime => null;

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int i = processes.Count - 1; i >= 0; i--)
        {
            processes[i].Dispose();
        }

        if (directory is not null)
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
