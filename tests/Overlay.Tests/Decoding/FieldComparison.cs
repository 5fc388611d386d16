using System.Collections;
using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Overlay.Tests.Decoding;

/// <summary>Whether a value of ours is the one that tshark prints.</summary>
internal static class FieldComparison
{
    /// <summary>The key of a field in tshark's JSON. Names without a dot are keys already.</summary>
    public static string Key(string protocol, string field) => field.Contains('.') ? $"{protocol}_{field.Replace('.', '_')}" : field;

    /// <summary>Whether both are the same.</summary>
    public static bool Equal(object? ours, JsonElement? theirs) => (ours, theirs) switch
    {
        (null, null) => true,
        (null, _) or (_, null) => false,
        (byte[] bytes, { ValueKind: JsonValueKind.String } text) =>
            string.Equals(Convert.ToHexString(bytes), text.GetString()!.Replace(":", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase),
        (MacAddress mac, { ValueKind: JsonValueKind.String } text) => string.Equals(mac.ToString(), text.GetString(), StringComparison.OrdinalIgnoreCase),
        (ValueIPAddress address, { ValueKind: JsonValueKind.String } text) =>
            IPAddress.TryParse(text.GetString(), out IPAddress? other) && other.Equals(address.ToIPAddress()),
        (Array list, { ValueKind: JsonValueKind.Array } array) =>
            list.Length == array.GetArrayLength() && list.Cast<object?>().Zip(array.EnumerateArray()).All(pair => Equal(pair.First, pair.Second)),
        (Array { Length: 1 } list, { } single) => Equal(list.GetValue(0), single),
        (MacAddress or ValueIPAddress or IEnumerable, _) => false,
        (_, { } number) => TryNumber(number, out long value) && value == Convert.ToInt64(ours, CultureInfo.InvariantCulture),
    };

    /// <summary>A value of ours for people.</summary>
    public static string Text(object? value) => value switch
    {
        null => "absent",
        bool flag => flag ? "1" : "0",
        byte[] bytes => Convert.ToHexStringLower(bytes),
        Array list => string.Join(' ', list.Cast<object?>().Select(Text)),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    /// <summary>A value of tshark's for people: numbers decimal, bytes without colons.</summary>
    public static string Text(JsonElement? value) => value switch
    {
        null => "absent",
        { ValueKind: JsonValueKind.Array } array => string.Join(' ', array.EnumerateArray().Select(element => Text(element))),
        { } element when TryNumber(element, out long number) => number.ToString(CultureInfo.InvariantCulture),
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { } other => other.GetRawText(),
    };

    private static bool TryNumber(JsonElement element, out long number)
    {
        number = element.ValueKind == JsonValueKind.True ? 1 : 0;
        if (element.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return true;
        }

        string text = element.ValueKind == JsonValueKind.String ? element.GetString()! : "";
        return text.StartsWith("0x", StringComparison.Ordinal)
            ? long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
    }
}
