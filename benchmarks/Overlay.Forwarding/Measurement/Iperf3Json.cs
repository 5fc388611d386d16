using System.Text.Json;

namespace Overlay.Forwarding.Measurement;

/// <summary>Reads what <c>iperf3 -J</c> writes; version 3.12 and its neighbours.</summary>
internal static class Iperf3Json
{
    /// <summary>The client's report of a TCP run.</summary>
    /// <exception cref="InvalidDataException">iperf3 reports an error, or this is no such report.</exception>
    public static TcpResult ReadTcp(string json) => Read(json, static root =>
    {
        JsonElement sum = root.GetProperty("end").GetProperty("sum_received");
        return new TcpResult(sum.GetProperty("bytes").GetInt64(), Positive(sum.GetProperty("seconds").GetDouble()));
    });

    /// <summary>The server's report of a UDP run: the client's knows what was sent, not what arrived.</summary>
    /// <exception cref="InvalidDataException">iperf3 reports an error, or this is no such report.</exception>
    public static UdpResult ReadUdpServer(string json) => Read(json, static root =>
    {
        int length = root.GetProperty("start").GetProperty("test_start").GetProperty("blksize").GetInt32();
        JsonElement sum = root.GetProperty("end").GetProperty("sum_received");
        // "packets" is the highest number seen; what was received is only there as bytes.
        return new UdpResult(
            sum.GetProperty("bytes").GetInt64() / (long)Positive(length), sum.GetProperty("lost_packets").GetInt64(), Positive(sum.GetProperty("seconds").GetDouble()));
    });

    /// <summary>Looks for the error that either side may report.</summary>
    /// <exception cref="InvalidDataException">iperf3 reports an error, or this is no report.</exception>
    public static void ThrowIfError(string json) => Read(json, static root => root.GetProperty("start").ValueKind);

    private static double Positive(double value) => value > 0 ? value : throw new InvalidDataException("iperf3 reports a run of no length.");

    private static T Read<T>(string json, Func<JsonElement, T> read)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.TryGetProperty("error", out JsonElement error)
                ? throw new InvalidDataException($"iperf3: {error.GetString()}")
                : read(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"Not a report of iperf3: {exception.Message}", exception);
        }
    }
}
