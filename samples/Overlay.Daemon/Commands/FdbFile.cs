using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Overlay.Daemon.Control;
using Overlay.Daemon.Control.Changes;

namespace Overlay.Daemon.Commands;

/// <summary>
/// A file with a list of forwarding entries, as the configuration's <c>fdb</c> has it. Here it is only cut between two entries into parts of a request; what the
/// entries say the daemon judges.
/// </summary>
internal sealed class FdbFile
{
    /// <summary>The largest file, in bytes: some million entries.</summary>
    public const int MaxLength = 512 * 1024 * 1024;

    // A quotation mark takes two bytes in the frame, a control character six; the shortest frame that holds any of these texts is below the limit.
    private const int PartBytes = FramedConnection.MaxRequest / 3;

    private readonly byte[] _text;
    private readonly List<(int Start, int End, int Line)> _parts = [];

    private FdbFile(byte[] text) => _text = text;

    /// <summary>Reads a file.</summary>
    /// <exception cref="FormatException">There is none, or it is no list; the message is a line for the user and names the file.</exception>
    public static FdbFile Load(string path)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            if (file.Length > MaxLength)
            {
                throw new FormatException($"{path}: the file is longer than {MaxLength} bytes; a list is shorter");
            }

            byte[] text = new byte[file.Length];
            file.ReadExactly(text);
            FdbFile list = new(text.AsSpan().StartsWith("\uFEFF"u8) ? text[3..] : text);
            list.Cut(path);
            return list;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FormatException($"{path}: there is no such file; the path of a list of fdb entries is right", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new FormatException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The request that replaces the entries of a tunnel by those of the file.</summary>
    public IEnumerable<ControlRequest> ToRequests(string tunnel)
    {
        for (int i = 0; i < Math.Max(1, _parts.Count); i++)
        {
            (int start, int end, int line) = _parts.Count > 0 ? _parts[i] : default;
            FdbReplaceArguments arguments = new(i == 0 ? tunnel : null, $"[{Encoding.UTF8.GetString(_text.AsSpan(start..end))}]", line);
            ControlRequest request = ControlClient.Request("fdb-replace", arguments, ControlJson.Relaxed.FdbReplaceArguments);
            yield return (i == 0 ? request : request with { Command = null }) with { More = i + 1 < _parts.Count };
        }
    }

    private void Cut(string path)
    {
        if (!Utf8.IsValid(_text))
        {
            throw new FormatException($"{path}: not text: some byte is not UTF-8; UTF-8 is right");
        }

        var reader = new Utf8JsonReader(_text, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
            {
                throw new FormatException($"{path}:1: a list of fdb entries is right: [ {{ \"mac\": \"02:00:00:00:00:02\", \"remote\": \"192.0.2.2\" }} ]");
            }

            int line = 1;
            int counted = 0;
            int start = -1;
            int end = 0;
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                int first = (int)reader.TokenStartIndex;
                reader.Skip();
                if (start >= 0 && reader.BytesConsumed - start > PartBytes)
                {
                    Add(start, end, ref line, ref counted);
                    start = -1;
                }

                start = start < 0 ? first : start;
                end = (int)reader.BytesConsumed;
            }

            if (start >= 0)
            {
                Add(start, end, ref line, ref counted);
            }

            // Anything behind the list other than space and comments makes the reader throw.
            while (reader.Read())
            {
            }
        }
        catch (JsonException e)
        {
            int position = e.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
            throw new FormatException(
                $"{path}:{(e.LineNumber ?? 0) + 1}: not JSON at column {(e.BytePositionInLine ?? 0) + 1}: {(position < 0 ? e.Message : e.Message[..position])} " +
                "JSON with comments and trailing commas is right",
                e);
        }

        void Add(int start, int end, ref int line, ref int counted)
        {
            line += _text.AsSpan(counted..start).Count((byte)'\n');
            counted = start;
            if (end - start > PartBytes)
            {
                throw new FormatException($"{path}:{line}: an entry of {end - start} bytes; it has at most a few hundred");
            }

            _parts.Add((start, end, line));
        }
    }
}
