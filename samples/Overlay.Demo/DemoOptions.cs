namespace Overlay.Demo;

/// <summary>The command line.</summary>
/// <param name="Json">JSON instead of text.</param>
/// <param name="PcapDirectory">Where captures go; null for none.</param>
internal sealed record DemoOptions(bool Json = false, string? PcapDirectory = null)
{
    /// <summary>How to call the program.</summary>
    public const string Usage = "usage: Overlay.Demo [--json] [--pcap DIR]";

    /// <summary>Reads the arguments.</summary>
    /// <returns>false, with what is wrong, if they are not understood.</returns>
    public static bool TryParse(ReadOnlySpan<string> arguments, out DemoOptions options, out string mistake)
    {
        options = new DemoOptions();
        mistake = "";
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--json":
                    options = options with { Json = true };
                    break;
                case "--pcap" when i + 1 < arguments.Length:
                    options = options with { PcapDirectory = Path.GetFullPath(arguments[++i]) };
                    break;
                case "--pcap":
                    mistake = "--pcap takes a directory";
                    return false;
                default:
                    mistake = $"unknown argument {arguments[i]}";
                    return false;
            }
        }

        return true;
    }
}
