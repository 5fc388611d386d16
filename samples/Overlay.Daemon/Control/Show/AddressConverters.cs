using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Overlay.Daemon.Control.Show;

/// <summary>Addresses as JSON strings, written without a string for each.</summary>
/// <typeparam name="T">The address.</typeparam>
/// <param name="what">How messages name it.</param>
internal abstract class AddressConverter<T>(string what) : JsonConverter<T>
    where T : struct, ISpanFormattable, ISpanParsable<T>
{
    // The longest is an IPv6 address, of 45 characters (RFC 4291 §2.2).
    private const int LongestText = 64;

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && T.TryParse(reader.GetString(), CultureInfo.InvariantCulture, out T address)
            ? address
            : throw new JsonException($"{what} was expected.");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
    {
        Span<char> text = stackalloc char[LongestText];
        bool fits = value.TryFormat(text, out int length, default, CultureInfo.InvariantCulture);
        Debug.Assert(fits, "An address has at most 45 characters.");
        writer.WriteStringValue(text[..length]);
    }
}

/// <inheritdoc/>
internal sealed class MacAddressConverter() : AddressConverter<MacAddress>("A MAC address");

/// <inheritdoc/>
internal sealed class IPAddressConverter() : AddressConverter<ValueIPAddress>("An IP address");
