namespace Overlay.Fuzz.Driver;

/// <summary>An input that a target did not survive, or was wrong about.</summary>
/// <param name="Target">Its name.</param>
/// <param name="Input">The bytes.</param>
/// <param name="Key">The same for findings that are the same defect, as far as one can tell.</param>
/// <param name="Report">What happened.</param>
internal sealed record Finding(string Target, byte[] Input, string Key, string Report)
{
    /// <summary>The kind of an exception and where it came from.</summary>
    public static string KeyOf(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        IEnumerable<string> frames = (exception.StackTrace ?? "").Split('\n').Select(line => line.Trim())
            .Where(line => !line.Contains($" {typeof(Check).FullName}.", StringComparison.Ordinal));
        return $"{exception.GetType().Name} {frames.FirstOrDefault()}";
    }
}
