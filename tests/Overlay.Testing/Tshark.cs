using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Overlay.Testing;

/// <summary>One frame as tshark reads it from a capture.</summary>
/// <param name="Length">Bytes on the wire.</param>
/// <param name="Nanoseconds">Since 1970; null without a time.</param>
/// <param name="Bytes">The captured bytes.</param>
public sealed record TsharkFrame(long Length, long? Nanoseconds, byte[] Bytes);

/// <summary>tshark as the oracle for captures and packets. Tests that use it need the program: <see cref="Requires.Tool"/>.</summary>
public static class Tshark
{
    /// <summary>What stands between several values of one field.</summary>
    public const char Aggregator = '|';

    /// <summary>The frames of a capture file: lengths, times, bytes.</summary>
    public static IReadOnlyList<TsharkFrame> Frames(string path)
    {
        using var document = JsonDocument.Parse(Run("tshark", ["-r", path, "-T", "json", "-x", "-j", "frame"]));
        List<TsharkFrame> frames = [];
        foreach (JsonElement packet in document.RootElement.EnumerateArray())
        {
            JsonElement layers = packet.GetProperty("_source").GetProperty("layers");
            JsonElement frame = layers.GetProperty("frame");
            // A frame without bytes has no raw form.
            byte[] bytes = layers.TryGetProperty("frame_raw", out JsonElement raw) ? Convert.FromHexString(raw[0].GetString()!) : [];
            frames.Add(new TsharkFrame(
                long.Parse(frame.GetProperty("frame.len").GetString()!, CultureInfo.InvariantCulture),
                frame.TryGetProperty("frame.time_epoch", out JsonElement time) ? Nanoseconds(time.GetString()!) : null,
                bytes));
        }

        return frames;
    }

    /// <summary>Fields of every packet of a capture file, such as <c>frame.comment</c>; a field that a packet lacks is empty.</summary>
    public static IReadOnlyList<string[]> Fields(string path, params string[] fields)
    {
        List<string> arguments = ["-r", path, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", $"aggregator={Aggregator}"];
        foreach (string field in fields)
        {
            arguments.AddRange(["-e", field]);
        }

        return [.. Run("tshark", arguments).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];
    }

    /// <summary>Nanoseconds out of seconds with a fraction of nine digits.</summary>
    public static long Nanoseconds(string epoch) => (long)(decimal.Parse(epoch, CultureInfo.InvariantCulture) * 1_000_000_000m);

    /// <summary>Runs a program of the Wireshark family and returns what it prints.</summary>
    /// <exception cref="InvalidOperationException">It fails.</exception>
    public static string Run(string tool, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Requires.Tool(tool), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // Times and decimal points are compared.
        start.Environment["TZ"] = "UTC";
        start.Environment["LC_ALL"] = "C.UTF-8";
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{tool} {string.Join(' ', start.ArgumentList)}: exit {process.ExitCode}: {error.GetAwaiter().GetResult()}");
    }
}
