namespace Overlay.Daemon.Configuration;

/// <summary>Collects every mistake of a file, so that one run of <c>check</c> shows all of them.</summary>
internal sealed class ConfigErrors
{
    private readonly List<ConfigError> _errors = [];

    /// <summary>How many there are.</summary>
    public int Count => _errors.Count;

    /// <summary>Adds one.</summary>
    public void Add(int line, string message) => _errors.Add(new ConfigError(line, message));

    /// <summary>All of them in the order of their lines; those of one line in the order they were found.</summary>
    public IReadOnlyList<ConfigError> InOrder() => [.. _errors.OrderBy(e => e.Line)];
}
