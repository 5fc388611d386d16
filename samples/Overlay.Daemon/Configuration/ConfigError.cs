namespace Overlay.Daemon.Configuration;

/// <summary>One mistake in a configuration file.</summary>
/// <param name="Line">The line, counted from 1; 0 if the mistake is the file itself.</param>
/// <param name="Message">What is wrong and, behind a semicolon, what would be right.</param>
internal readonly record struct ConfigError(int Line, string Message)
{
    /// <summary><c>FILE:line: message</c>, the form that editors can jump to.</summary>
    public string Format(string file) => Line > 0 ? $"{file}:{Line}: {Message}" : $"{file}: {Message}";
}
