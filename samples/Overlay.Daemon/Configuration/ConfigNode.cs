using System.Text.Encodings.Web;
using System.Text.Json;

namespace Overlay.Daemon.Configuration;

/// <summary>What a value of the file is.</summary>
internal enum ConfigNodeKind
{
    /// <summary>Keys and values.</summary>
    Object,

    /// <summary>A list.</summary>
    Array,

    /// <summary>Text.</summary>
    String,

    /// <summary>A number, kept as it was written.</summary>
    Number,

    /// <summary>true or false.</summary>
    Boolean,

    /// <summary>null.</summary>
    Null,
}

/// <summary>A key of an object.</summary>
/// <param name="Key">The key.</param>
/// <param name="Line">Where the key stands.</param>
/// <param name="Value">Its value.</param>
internal readonly record struct ConfigMember(string Key, int Line, ConfigNode Value);

/// <summary>A value of the file and the line it stands on: what <see cref="JsonDocument"/> would be, had it lines.</summary>
internal sealed class ConfigNode
{
    private const int LongestQuotation = 60;

    private ConfigNode(ConfigNodeKind kind, int line)
    {
        Kind = kind;
        Line = line;
    }

    /// <summary>What it is.</summary>
    public ConfigNodeKind Kind { get; }

    /// <summary>The line of its first character, counted from 1.</summary>
    public int Line { get; }

    /// <summary>The text of a string, or a number or literal as it was written; empty for objects and lists.</summary>
    public string Text { get; private init; } = "";

    /// <summary>The keys of an object; empty for anything else.</summary>
    public IReadOnlyList<ConfigMember> Members { get; private init; } = [];

    /// <summary>The items of a list; empty for anything else.</summary>
    public IReadOnlyList<ConfigNode> Items { get; private init; } = [];

    /// <summary>The value of a key; null if this has no such key.</summary>
    public ConfigNode? this[string key]
    {
        get
        {
            foreach (ConfigMember member in Members)
            {
                if (member.Key == key)
                {
                    return member.Value;
                }
            }

            return null;
        }
    }

    /// <summary>An object.</summary>
    public static ConfigNode Object(int line, IReadOnlyList<ConfigMember> members) => new(ConfigNodeKind.Object, line) { Members = members };

    /// <summary>A list.</summary>
    public static ConfigNode Array(int line, IReadOnlyList<ConfigNode> items) => new(ConfigNodeKind.Array, line) { Items = items };

    /// <summary>A string, number or literal.</summary>
    public static ConfigNode Scalar(ConfigNodeKind kind, int line, string text) => new(kind, line) { Text = text };

    /// <summary>Text for a message: quoted, on one line, and not endless whatever the file holds.</summary>
    public static string Quote(string text) =>
        $"\"{JsonEncodedText.Encode(text.Length <= LongestQuotation ? text : text[..LongestQuotation] + "…", JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    /// <summary>The value as a message names it: <c>"text"</c>, <c>16777216</c>, <c>an object</c>.</summary>
    public string Describe() => Kind switch
    {
        ConfigNodeKind.Object => "an object",
        ConfigNodeKind.Array => "a list",
        ConfigNodeKind.String => Quote(Text),
        _ => Text.Length <= LongestQuotation ? Text : Text[..LongestQuotation] + "…",
    };
}
