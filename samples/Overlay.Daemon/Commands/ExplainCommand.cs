using System.CommandLine;
using System.Text.Json;
using Overlay.Capture;
using Overlay.Daemon.Control;
using Overlay.Daemon.Diagnosis;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd explain</c>: asks the running daemon what it does with packets, and why.</summary>
internal static class ExplainCommand
{
    /// <summary>How many packets of a capture are explained unless told otherwise.</summary>
    public const int DefaultLimit = 100;

    // What fits one request frame, in base64 and with room for the rest.
    private const int MaxRequestBytes = FramedConnection.MaxRequest / 4 * 3 - 2048;
    private const int PacketOverhead = 48;

    /// <summary>Makes the command.</summary>
    public static Command Create(Option<bool> json, Option<string> socket, TextWriter output, TextWriter error)
    {
        Option<string> tunnel = new("--tunnel") { Description = "The tunnel", HelpName = "NAME", Required = true };
        Option<string> direction = new("--direction") { Description = "From the device, or from the underlay", HelpName = "egress|ingress", Required = true };
        direction.AcceptOnlyFromAmong(DiagnosisTarget.Egress, DiagnosisTarget.Ingress);
        Option<string> packet = new("--packet")
        {
            Description = "One packet in hexadecimal: egress what the device hands over, ingress an outer IP packet or a frame with one",
            HelpName = "HEX",
        };
        Option<string> pcap = new("--pcap") { Description = "The packets of a capture, pcap or pcapng; - is standard input", HelpName = "FILE" };
        Option<string> from = new("--from") { Description = "The outer source, if --packet begins with the tunnel header", HelpName = "ADDRESS" };
        Option<int> limit = new("--limit") { Description = "At most so many packets of a capture", HelpName = "N", DefaultValueFactory = _ => DefaultLimit };
        Command command = new("explain", "Ask a running overlayd what it does with a packet, and why") { tunnel, direction, packet, pcap, from, limit, json, socket };
        command.Validators.Add(result =>
        {
            if (result.GetResult(packet) is null == result.GetResult(pcap) is null)
            {
                result.AddError("explain takes either --packet or --pcap.");
            }

            if (result.GetResult(limit) is { Implicit: false } && result.GetValue(limit) < 1)
            {
                result.AddError("--limit is at least 1.");
            }
        });
        command.SetAction((parsed, cancellation) => RunAsync(
            new ExplainArguments
            {
                Tunnel = parsed.GetRequiredValue(tunnel),
                Direction = parsed.GetRequiredValue(direction),
                From = parsed.GetValue(from),
                Packets = [],
            },
            parsed.GetValue(packet), parsed.GetValue(pcap), parsed.GetValue(limit), parsed.GetRequiredValue(socket), parsed.GetValue(json), output, error, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        ExplainArguments arguments, string? hex, string? pcap, int limit, string socket, bool json, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        List<ExplainPacket> packets;
        bool isMore = false;
        try
        {
            (packets, isMore) = hex is not null ? ([new ExplainPacket(ReadHex(hex), null)], false) : await ReadCaptureAsync(pcap!, limit, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync($"overlayd: {(pcap is null ? "--packet" : pcap)}: {e.Message}").ConfigureAwait(false);
            return ExitCode.Usage;
        }

        try
        {
            List<ExplainedPacket> explained = [];
            foreach (ExplainPacket[] part in Parts(packets))
            {
                ControlRequest request = ControlClient.Request(ExplainArguments.Command, arguments with { Packets = part }, DiagnosisJson.Default.ExplainArguments);
                JsonElement answer = await ControlClient.RequestAsync(socket, request, ControlClient.PatientDeadline, cancellation).ConfigureAwait(false);
                explained.AddRange(Read(socket, answer).Packets);
            }

            await WriteAsync(new ExplainResult { Tunnel = arguments.Tunnel, Direction = arguments.Direction, Packets = explained }, json, output).ConfigureAwait(false);
            if (isMore)
            {
                await error.WriteLineAsync($"overlayd: {pcap} has more packets than the {limit} explained; --limit says how many").ConfigureAwait(false);
            }

            return ExitCode.Done;
        }
        catch (ControlException e)
        {
            await error.WriteLineAsync($"overlayd: {e.Message}").ConfigureAwait(false);
            return e.IsRefusal ? ExitCode.Usage : ExitCode.CannotStart;
        }
    }

    private static async Task WriteAsync(ExplainResult result, bool json, TextWriter output)
    {
        if (json)
        {
            JsonElement element = JsonSerializer.SerializeToElement(result, DiagnosisJson.Default.ExplainResult);
            await output.WriteAsync(StatusCommand.Indent(element)).ConfigureAwait(false);
            return;
        }

        for (int i = 0; i < result.Packets.Count; i++)
        {
            await output.WriteAsync(ExplanationReport.Format(i + 1, result.Packets[i], result.Tunnel, result.Direction)).ConfigureAwait(false);
        }
    }

    private static byte[] ReadHex(string hex)
    {
        string digits = string.Concat(hex.Where(c => !char.IsWhiteSpace(c) && c is not (':' or '-')));
        try
        {
            byte[] bytes = Convert.FromHexString(digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? digits[2..] : digits);
            return Fits(bytes.Length) ? bytes : throw new FormatException($"{bytes.Length} bytes are more than a request can hold ({MaxRequestBytes - PacketOverhead})");
        }
        catch (FormatException) when (digits.Any(c => !char.IsAsciiHexDigit(c)))
        {
            throw new FormatException($"'{digits.First(c => !char.IsAsciiHexDigit(c))}' is no hexadecimal digit; pairs of them are right, with or without spaces and colons");
        }
        catch (FormatException) when (digits.Length % 2 != 0)
        {
            throw new FormatException($"{digits.Length} hexadecimal digits are no whole bytes; an even number is right");
        }
    }

    private static async Task<(List<ExplainPacket> Packets, bool IsMore)> ReadCaptureAsync(string path, int limit, CancellationToken cancellation)
    {
        List<ExplainPacket> packets = [];
        Stream stream = path == "-" ? Console.OpenStandardInput() : File.OpenRead(path);
        var reader = new CaptureReader(stream);
        await using (reader.ConfigureAwait(false))
        {
            while (await reader.ReadAsync(cancellation).ConfigureAwait(false) is { } packet)
            {
                if (packets.Count == limit)
                {
                    return (packets, true);
                }

                packets.Add(Fits(packet.Data.Length)
                    ? new ExplainPacket(packet.Data.ToArray(), (ushort)packet.LinkType)
                    : throw new FormatException($"packet {packets.Count + 1} has {packet.Data.Length} bytes; a request holds {MaxRequestBytes - PacketOverhead}"));
            }
        }

        return (packets, false);
    }

    private static bool Fits(int length) => length + PacketOverhead <= MaxRequestBytes;

    private static IEnumerable<ExplainPacket[]> Parts(List<ExplainPacket> packets)
    {
        List<ExplainPacket> part = [];
        int length = 0;
        foreach (ExplainPacket packet in packets)
        {
            if (part.Count > 0 && length + packet.Bytes.Length + PacketOverhead > MaxRequestBytes)
            {
                yield return [.. part];
                part.Clear();
                length = 0;
            }

            part.Add(packet);
            length += packet.Bytes.Length + PacketOverhead;
        }

        // An empty capture is asked, too: the names in the request may be wrong.
        yield return [.. part];
    }

    private static ExplainResult Read(string socket, JsonElement answer)
    {
        try
        {
            return answer.Deserialize(DiagnosisJson.Default.ExplainResult) ?? throw new ControlException($"the overlayd on {socket} sent null as its explanation");
        }
        catch (JsonException e)
        {
            throw new ControlException($"the overlayd on {socket} sent an explanation of another shape, perhaps of another version: {e.Message}", e);
        }
    }
}
