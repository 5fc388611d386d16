using Overlay.Daemon.Configuration;

namespace Overlay.Fuzz.Targets;

/// <summary>The daemon's configuration: a text is one or has mistakes, and each mistake can be told.</summary>
internal sealed class ConfigurationTarget : IFuzzTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        ConfigErrors errors = new();
        DaemonConfig? configuration = ConfigReader.Read(input, errors);
        Check.Equal(configuration is null, errors.Count > 0, "a configuration comes out exactly if there is no mistake");
        // The JSON reader also ends a line, and a comment, at a carriage return alone.
        int lines = 1 + input.Count((byte)'\n') + input.Count((byte)'\r');
        foreach (ConfigError error in errors.InOrder())
        {
            Check.That(error.Line >= 0 && error.Line <= lines, $"line {error.Line} of {lines}");
            Check.That(error.Format("f").Length > 2, "a mistake has words");
        }
    }
}
