using System.Globalization;

namespace Overlay.Testing;

/// <summary>
/// Random tests that can be repeated: every round has a generator of its own, made from the test's seed and the round's number, and a failure says which.
/// </summary>
public static class Fuzzing
{
    // So that one of an hour's runs tries what CI tries in none.
    private const int LongFactor = 30;

    /// <summary>Whether <c>./build.sh test --long</c> runs.</summary>
    public static bool IsLong => Environment.GetEnvironmentVariable("OVERLAY_LONG") == "1";

    /// <summary>Runs the rounds; thirty times as many with <c>--long</c>.</summary>
    /// <param name="seed">Of the test.</param>
    /// <param name="rounds">How many.</param>
    /// <param name="round">One round, by its generator.</param>
    /// <exception cref="InvalidOperationException">A round failed; the message has its seed, and the failure is inside.</exception>
    public static void Run(int seed, int rounds, Action<Random> round)
    {
        ArgumentNullException.ThrowIfNull(round);
        int count = IsLong ? rounds * LongFactor : rounds;
        for (int i = 0; i < count; i++)
        {
            int own = unchecked((seed * 1_000_003) + i);
            try
            {
                round(new Random(own));
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException(
                    string.Create(CultureInfo.InvariantCulture, $"Seed {seed}, round {i} (new Random({own})): {exception.Message}"), exception);
            }
        }
    }
}
