using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Overlay.Testing;

namespace Overlay.Demo.Traffic;

/// <summary>iperf3, the program that everybody compares with.</summary>
internal static class Iperf3
{
    private const string Program = "iperf3";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Whether it is installed.</summary>
    public static bool IsPresent => Machine.FindTool(Program) is not null;

    /// <summary>Runs one TCP connection.</summary>
    /// <param name="client">The namespace that connects.</param>
    /// <param name="server">The namespace that listens.</param>
    /// <param name="address">The server's address.</param>
    /// <param name="seconds">For how long.</param>
    /// <param name="reverse">Whether the server sends.</param>
    /// <returns>Gigabits per second that the receiver got.</returns>
    /// <exception cref="InvalidOperationException">iperf3 says that something went wrong.</exception>
    public static double Run(Netns client, Netns server, IPAddress address, int seconds, bool reverse)
    {
        // -1: one test, then it ends by itself.
        using Process process = server.Start(Program, "-s", "-1", "-B", address.ToString(), "--forceflush");
        try
        {
            WaitUntilItListens(process);
            string duration = seconds.ToString(CultureInfo.InvariantCulture);
            string[] direction = reverse ? ["-R"] : [];
            string[] arguments = ["-c", address.ToString(), "-t", duration, "-J", "--connect-timeout", "2000", .. direction];
            return Read(client.TryExec(TimeSpan.FromSeconds(seconds) + Patience, Program, arguments));
        }
        finally
        {
            if (!process.WaitForExit(TimeSpan.FromSeconds(1)))
            {
                process.Kill();
                process.WaitForExit();
            }
        }
    }

    private static void WaitUntilItListens(Process process)
    {
        Task listening = Task.Run(async () =>
        {
            while (await process.StandardOutput.ReadLineAsync().ConfigureAwait(false) is string line &&
                !line.Contains("listening", StringComparison.Ordinal))
            {
            }
        });
        if (!listening.Wait(Patience))
        {
            throw new TimeoutException($"The server of {Program} does not listen after {Patience.TotalSeconds:0} s.");
        }
    }

    private static double Read(CommandResult result)
    {
        if (result.ExitCode != 0 && !result.Output.StartsWith('{'))
        {
            throw new InvalidOperationException($"{Program} ended with {result.ExitCode}: {result.Error.Trim()}");
        }

        using JsonDocument document = JsonDocument.Parse(result.Output);
        if (document.RootElement.TryGetProperty("error", out JsonElement error))
        {
            throw new InvalidOperationException($"{Program}: {error.GetString()}");
        }

        double bits = document.RootElement.GetProperty("end").GetProperty("sum_received").GetProperty("bits_per_second").GetDouble();
        return Math.Round(bits / 1e9, 3);
    }
}
