using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Overlay.Daemon.Control.Show;

/// <summary>MAC addresses as JSON strings, written without a string for each.</summary>
internal sealed class MacAddressConverter : JsonConverter<MacAddress>
{
    private const int TextLength = 17;

    /// <inheritdoc/>
    public override MacAddress Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && MacAddress.TryParse(reader.GetString(), CultureInfo.InvariantCulture, out MacAddress mac)
            ? mac
            : throw new JsonException("A MAC address was expected.");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, MacAddress value, JsonSerializerOptions options)
    {
        Span<byte> text = stackalloc byte[TextLength];
        bool fits = value.TryFormat(text, out int length);
        Debug.Assert(fits, "A MAC address has 17 characters.");
        writer.WriteStringValue(text[..length]);
    }
}

/// <summary>IP addresses as JSON strings, written without a string for each.</summary>
internal sealed class IPAddressConverter : JsonConverter<ValueIPAddress>
{
    // The longest text of an IPv6 address is 45 characters (RFC 4291 §2.2).
    private const int LongestText = 64;

    /// <inheritdoc/>
    public override ValueIPAddress Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && ValueIPAddress.TryParse(reader.GetString(), CultureInfo.InvariantCulture, out ValueIPAddress address)
            ? address
            : throw new JsonException("An IP address was expected.");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, ValueIPAddress value, JsonSerializerOptions options)
    {
        Span<char> text = stackalloc char[LongestText];
        bool fits = value.TryFormat(text, out int length);
        Debug.Assert(fits, "An IP address has at most 45 characters.");
        writer.WriteStringValue(text[..length]);
    }
}
