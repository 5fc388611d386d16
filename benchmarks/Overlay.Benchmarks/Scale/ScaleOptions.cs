using System.Globalization;

namespace Overlay.Benchmarks.Scale;

/// <summary>The command line of <c>bench tables</c>.</summary>
/// <param name="Rounds">How often everything is measured.</param>
/// <param name="Entries">Entries of the forwarding table, and routes of IPv4.</param>
/// <param name="Routes6">Routes of IPv6.</param>
/// <param name="Output">The directory that report and plot go to.</param>
/// <param name="Record">The document whose marked section is to be rewritten, beside which the plot goes; null for none.</param>
internal sealed record ScaleOptions(int Rounds, int Entries, int Routes6, string Output, string? Record)
{
    /// <summary>The word that asks for this command.</summary>
    public const string Command = "tables";

    /// <summary>What can be said.</summary>
    public const string Usage = "tables [--rounds N] [--quick] [--output DIRECTORY] [--record FILE]";

    private const int Million = 1_000_000;

    /// <exception cref="ArgumentException">What it says is no option.</exception>
    public static ScaleOptions Parse(ReadOnlySpan<string> args)
    {
        ScaleOptions options = new(5, Million, Million / 5, "tables", null);
        for (int i = 0; i < args.Length; i++)
        {
            options = args[i] switch
            {
                "--quick" => options with { Rounds = 1, Entries = Million / 20, Routes6 = Million / 50 },
                "--rounds" when int.TryParse(Value(args, ref i), NumberStyles.None, CultureInfo.InvariantCulture, out int rounds) && rounds is > 0 and < 1_000 =>
                    options with { Rounds = rounds },
                "--output" => options with { Output = Value(args, ref i) },
                "--record" => options with { Record = Value(args, ref i) },
                _ => throw new ArgumentException($"'{args[i]}' is not understood: {Usage}"),
            };
        }

        return options;
    }

    private static string Value(ReadOnlySpan<string> args, ref int index) =>
        ++index < args.Length ? args[index] : throw new ArgumentException($"{args[index - 1]} takes a value: {Usage}");
}
