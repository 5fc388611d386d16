using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Overlay.Daemon.Configuration;

/// <summary>
/// Turns single values into typed ones. Every method gives null for an absent value, and null with a mistake added for a bad one.
/// </summary>
internal sealed class ValueReader(ConfigErrors errors)
{
    /// <summary>The word beside the numbers, as in <c>"ttl": "inherit"</c>.</summary>
    public static bool IsWord(ConfigNode? node, string word) => node is { Kind: ConfigNodeKind.String } && node.Text == word;

    /// <summary>Adds the mistake <c>WHAT is FOUND; RIGHT is right</c>.</summary>
    public void Wrong(ConfigNode node, string what, string right, string remark = "") =>
        errors.Add(node.Line, $"{what} is {node.Describe()}{remark}; {right} is right");

    /// <summary>A whole number.</summary>
    /// <param name="node">The value.</param>
    /// <param name="what">How messages name it.</param>
    /// <param name="minimum">The least.</param>
    /// <param name="maximum">The largest.</param>
    /// <param name="word">A word that the caller takes instead, for the message.</param>
    public int? Integer(ConfigNode? node, string what, int minimum, int maximum, string? word = null) =>
        (int?)Long(node, what, minimum, maximum, word);

    /// <inheritdoc cref="Integer"/>
    public long? Long(ConfigNode? node, string what, long minimum, long maximum, string? word = null)
    {
        if (node is null)
        {
            return null;
        }

        if (node.Kind == ConfigNodeKind.Number &&
            long.TryParse(node.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) && value >= minimum && value <= maximum)
        {
            return value;
        }

        Wrong(node, what, $"a whole number from {minimum} to {maximum}{(word is null ? "" : $" or \"{word}\"")}");
        return null;
    }

    /// <summary>true or false.</summary>
    public bool? Flag(ConfigNode? node, string what)
    {
        if (node is null)
        {
            return null;
        }

        if (node.Kind == ConfigNodeKind.Boolean)
        {
            return node.Text == "true";
        }

        Wrong(node, what, "true or false");
        return null;
    }

    /// <summary>Any text.</summary>
    public string? Text(ConfigNode? node, string what, string right)
    {
        if (node is null)
        {
            return null;
        }

        if (node.Kind == ConfigNodeKind.String)
        {
            return node.Text;
        }

        Wrong(node, what, right);
        return null;
    }

    /// <summary>One of a few words.</summary>
    public T? Choice<T>(ConfigNode? node, string what, params ReadOnlySpan<(string Word, T Value)> choices)
        where T : struct =>
        TryChoose(node, what, choices, out T value) ? value : null;

    /// <summary>One of the kinds of tunnel.</summary>
    public TunnelFacts? Choice(ConfigNode? node, string what, ReadOnlySpan<(string Word, TunnelFacts Value)> choices) =>
        TryChoose(node, what, choices, out TunnelFacts? value) ? value : null;

    /// <summary>The words of a choice for a message: <c>"tap" or "tun"</c>.</summary>
    public static string Words<T>(ReadOnlySpan<(string Word, T Value)> choices)
    {
        string words = "";
        for (int i = 0; i < choices.Length; i++)
        {
            words += (i == 0 ? "" : i == choices.Length - 1 ? " or " : ", ") + $"\"{choices[i].Word}\"";
        }

        return words;
    }

    /// <summary>The items of a list; none if it is absent or, with a mistake added, not a list.</summary>
    public IReadOnlyList<ConfigNode> List(ConfigNode? node, string what)
    {
        if (node is null or { Kind: ConfigNodeKind.Array })
        {
            return node?.Items ?? [];
        }

        Wrong(node, what, "a list");
        return [];
    }

    /// <summary>An IP address of either family.</summary>
    public ValueIPAddress? Address(ConfigNode? node, string what)
    {
        if (node is null)
        {
            return null;
        }

        if (node.Kind == ConfigNodeKind.String && ValueIPAddress.TryParse(node.Text, CultureInfo.InvariantCulture, out ValueIPAddress address))
        {
            return address;
        }

        Wrong(node, what, "an IP address such as 192.0.2.1 or 2001:db8::1");
        return null;
    }

    /// <summary>The MAC address of one station.</summary>
    public MacAddress? Mac(ConfigNode? node, string what)
    {
        if (node is null)
        {
            return null;
        }

        const string Right = "the MAC address of one station, such as 02:00:00:00:00:01,";
        if (node.Kind != ConfigNodeKind.String || !MacAddress.TryParse(node.Text, CultureInfo.InvariantCulture, out MacAddress mac))
        {
            Wrong(node, what, Right);
            return null;
        }

        if (mac.IsZero || mac.IsMulticast)
        {
            Wrong(node, what, Right, mac.IsZero ? ", all zero" : mac.IsBroadcast ? ", the broadcast address" : ", a multicast address");
            return null;
        }

        return mac;
    }

    /// <summary>An address with a prefix length.</summary>
    /// <param name="node">The value.</param>
    /// <param name="what">How messages name it.</param>
    /// <param name="hostBits">Whether bits behind the prefix may be set, as in the address of a device.</param>
    public (ValueIPAddress Address, int Length)? Prefix(ConfigNode? node, string what, bool hostBits)
    {
        if (node is null)
        {
            return null;
        }

        string example = hostBits ? "an address with its prefix length, such as 10.0.0.1/24 or 2001:db8::1/64," : "a prefix such as 10.0.0.0/24 or 2001:db8::/64";
        int slash = node.Text.IndexOf('/', StringComparison.Ordinal);
        if (node.Kind != ConfigNodeKind.String ||
            !ValueIPAddress.TryParse(slash < 0 ? node.Text : node.Text[..slash], CultureInfo.InvariantCulture, out ValueIPAddress address))
        {
            Wrong(node, what, example);
            return null;
        }

        if (slash < 0)
        {
            Wrong(node, what, $"\"{address}/{address.BitLength}\"", ", without a prefix length");
            return null;
        }

        if (!int.TryParse(node.Text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int length) || length > address.BitLength)
        {
            Wrong(node, what, $"a prefix length from 0 to {address.BitLength}");
            return null;
        }

        if (!hostBits && address.Mask(length) != address)
        {
            Wrong(node, what, $"\"{address.Mask(length)}/{length}\"", $", with bits set behind the first {length}");
            return null;
        }

        return (address, length);
    }

    /// <summary>A prefix as the BCL's type.</summary>
    public IPNetwork? Network(ConfigNode? node, string what) =>
        Prefix(node, what, hostBits: false) is var (address, length) ? new IPNetwork(address.ToIPAddress(), length) : null;

    /// <summary>Whether a key stands in a list for the first time; adds a mistake if not.</summary>
    /// <param name="lines">The keys so far, with their lines.</param>
    /// <param name="key">The key.</param>
    /// <param name="line">Its line.</param>
    /// <param name="list">How messages name the list.</param>
    public bool Once<T>(Dictionary<T, int> lines, T key, int line, string list)
        where T : notnull
    {
        if (lines.TryAdd(key, line))
        {
            return true;
        }

        errors.Add(line, $"{key} stands in {list} on line {lines[key]} already; once is right");
        return false;
    }

    private bool TryChoose<T>(ConfigNode? node, string what, ReadOnlySpan<(string Word, T Value)> choices, [MaybeNullWhen(false)] out T value)
    {
        foreach ((string word, T chosen) in choices)
        {
            if (IsWord(node, word))
            {
                value = chosen;
                return true;
            }
        }

        if (node is not null)
        {
            Wrong(node, what, Words(choices));
        }

        value = default;
        return false;
    }
}
