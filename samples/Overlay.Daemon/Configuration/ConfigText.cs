using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Overlay.Daemon.Configuration;

/// <summary>JSON with comments and trailing commas, into nodes that know their lines. Duplicate keys are mistakes; the first one counts.</summary>
internal ref struct ConfigText
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly ConfigErrors _errors;
    private Utf8JsonReader _reader;
    private int _counted;
    private int _line = 1;

    private ConfigText(ReadOnlySpan<byte> text, ConfigErrors errors)
    {
        _text = text;
        _errors = errors;
        _reader = new Utf8JsonReader(text, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
    }

    /// <summary>Reads a whole file.</summary>
    /// <returns>The top-level value; null, with one mistake added, if the text is not JSON.</returns>
    public static ConfigNode? Parse(ReadOnlySpan<byte> utf8, ConfigErrors errors)
    {
        ReadOnlySpan<byte> text = utf8.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8;
        if (FirstInvalidByte(text) is int invalid and >= 0)
        {
            errors.Add(1 + text[..invalid].Count((byte)'\n'), "not text: a byte here is not UTF-8; UTF-8 is right");
            return null;
        }

        if (text.IndexOfAnyExcept(" \t\r\n"u8) < 0)
        {
            errors.Add(1, "the file is empty; an object with \"tunnels\" is right");
            return null;
        }

        var parser = new ConfigText(text, errors);
        try
        {
            parser._reader.Read();
            ConfigNode root = parser.ReadValue();
            // Anything behind the object other than space and comments makes the reader throw.
            while (parser._reader.Read())
            {
            }

            return root;
        }
        catch (JsonException e)
        {
            errors.Add((int)(e.LineNumber ?? 0) + 1, $"not JSON at column {(e.BytePositionInLine ?? 0) + 1}: {Reason(e)} JSON with comments and trailing commas is right");
            return null;
        }
    }

    private static int FirstInvalidByte(ReadOnlySpan<byte> text)
    {
        if (Utf8.IsValid(text))
        {
            return -1;
        }

        int offset = 0;
        while (Rune.DecodeFromUtf8(text[offset..], out _, out int length) == System.Buffers.OperationStatus.Done)
        {
            offset += length;
        }

        return offset;
    }

    // The reader repeats the position in its message, counted from 0.
    private static string Reason(JsonException e)
    {
        int position = e.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return position < 0 ? e.Message : e.Message[..position];
    }

    private ConfigNode ReadValue()
    {
        int line = CurrentLine();
        return _reader.TokenType switch
        {
            JsonTokenType.StartObject => ReadObject(line),
            JsonTokenType.StartArray => ReadArray(line),
            JsonTokenType.String => ConfigNode.Scalar(ConfigNodeKind.String, line, ReadString(line)),
            JsonTokenType.Number => ConfigNode.Scalar(ConfigNodeKind.Number, line, Encoding.UTF8.GetString(_reader.ValueSpan)),
            JsonTokenType.True => ConfigNode.Scalar(ConfigNodeKind.Boolean, line, "true"),
            JsonTokenType.False => ConfigNode.Scalar(ConfigNodeKind.Boolean, line, "false"),
            _ => ConfigNode.Scalar(ConfigNodeKind.Null, line, "null"),
        };
    }

    private ConfigNode ReadObject(int line)
    {
        List<ConfigMember> members = [];
        Dictionary<string, int> lines = [];
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            int keyLine = CurrentLine();
            string key = ReadString(keyLine);
            _reader.Read();
            ConfigNode value = ReadValue();
            if (lines.TryAdd(key, keyLine))
            {
                members.Add(new ConfigMember(key, keyLine, value));
            }
            else
            {
                _errors.Add(keyLine, $"duplicate key {ConfigNode.Quote(key)}; it stands on line {lines[key]} already, and once is right");
            }
        }

        return ConfigNode.Object(line, members);
    }

    private ConfigNode ReadArray(int line)
    {
        List<ConfigNode> items = [];
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(ReadValue());
        }

        return ConfigNode.Array(line, items);
    }

    private readonly string ReadString(int line)
    {
        try
        {
            return _reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            _errors.Add(line, "a string holds half of a surrogate pair (\\ud800 to \\udfff alone); whole characters are right");
            return "";
        }
    }

    private int CurrentLine()
    {
        int start = (int)_reader.TokenStartIndex;
        _line += _text[_counted..start].Count((byte)'\n');
        _counted = start;
        return _line;
    }
}
