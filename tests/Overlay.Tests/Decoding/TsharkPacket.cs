using System.Text.Json;
using Overlay.Testing;

namespace Overlay.Tests.Decoding;

/// <summary>One packet as tshark decodes it (<c>-T ek</c>): the names of its layers in order, and of each layer the fields.</summary>
/// <param name="Protocols">Of <c>frame.protocols</c>, with what is quoted in an ICMP error left out.</param>
/// <param name="Layers">
/// By name: the layers of that name in order. A key of a field is the layer's name, an underscore, and the field's name with underscores for dots.
/// </param>
internal sealed record TsharkPacket(IReadOnlyList<string> Protocols, IReadOnlyDictionary<string, IReadOnlyList<IReadOnlyDictionary<string, JsonElement>>> Layers)
{
    // Fields put together here, because tshark spreads them over nested objects that depend on the content.

    /// <summary>All options of an IPv4 header, one behind the other.</summary>
    public const string IPOptions = "all_options";

    /// <summary>The protocol behind the extension headers of IPv6.</summary>
    public const string Transport = "transport";

    /// <summary>In an ICMP error: the source of the quoted packet.</summary>
    public const string QuotedSource = "quoted_source";

    /// <summary>In an ICMP error: the destination of the quoted packet.</summary>
    public const string QuotedDestination = "quoted_destination";

    /// <summary>In an ICMP error: the length field of the quoted packet.</summary>
    public const string QuotedLength = "quoted_length";

    // Bytes are read as they lie: nothing is reassembled, made relative, guessed from other packets, or handed to applications.
    private static readonly string[] Preferences =
    [
        "ip.defragment:FALSE", "ipv6.defragment:FALSE", "ip.check_checksum:TRUE", "udp.check_checksum:TRUE", "udp.ignore_ipv6_zero_checksum:TRUE",
        "tcp.check_checksum:TRUE", "tcp.desegment_tcp_streams:FALSE", "tcp.relative_sequence_numbers:FALSE", "tcp.analyze_sequence_numbers:FALSE",
        "tcp.calculate_timestamps:FALSE", "udp.calculate_timestamps:FALSE",
    ];

    private static readonly string[] Applications = ["http", "tls", "dns", "ssh", "ntp"];

    /// <summary>The packets of a capture.</summary>
    /// <param name="path">The file.</param>
    /// <param name="vxlanPorts">The UDP ports that carry VXLAN, beside the assigned one.</param>
    public static IReadOnlyList<TsharkPacket> Read(string path, params IEnumerable<ushort> vxlanPorts)
    {
        IEnumerable<string> arguments = ["-r", path, "-n", "-T", "ek"];
        arguments = arguments
            .Concat(Preferences.SelectMany(preference => new[] { "-o", preference }))
            .Concat(Applications.SelectMany(application => new[] { "--disable-protocol", application }))
            .Concat(vxlanPorts.SelectMany(port => new[] { "-d", $"udp.port=={port},vxlan" }));
        List<TsharkPacket> packets = [];
        foreach (string line in Tshark.Run("tshark", arguments).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var document = JsonDocument.Parse(line);
            // Every packet has a line for the index of Elasticsearch before it.
            if (document.RootElement.TryGetProperty("layers", out JsonElement layers))
            {
                packets.Add(Parse(layers.Clone()));
            }
        }

        return packets;
    }

    /// <summary>The key of a second field that tshark gives the same key.</summary>
    public static string Second(string key) => $"{key}#2";

    private static TsharkPacket Parse(JsonElement layers)
    {
        Dictionary<string, IReadOnlyList<IReadOnlyDictionary<string, JsonElement>>> parsed = [];
        foreach (JsonProperty layer in layers.EnumerateObject())
        {
            IEnumerable<JsonElement> all = layer.Value.ValueKind == JsonValueKind.Array ? layer.Value.EnumerateArray() : [layer.Value];
            parsed[layer.Name] = [.. all.Where(element => element.ValueKind == JsonValueKind.Object).Select(element => Fields(layer.Name, element))];
        }

        string protocols = layers.GetProperty("frame").GetProperty("frame_frame_protocols").GetString()!;
        return new TsharkPacket([.. protocols.Split(':').Where(name => name != "ethertype")], parsed);
    }

    private static Dictionary<string, JsonElement> Fields(string layer, JsonElement element)
    {
        Dictionary<string, JsonElement> fields = [];
        string options = "";
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (layer == "ip" && property.Name.StartsWith("ip_options_", StringComparison.Ordinal))
            {
                options += property.Value.GetString();
            }
            else if (layer is "icmp" or "icmpv6" && property.Name is "ip" or "ipv6")
            {
                string name = property.Name;
                fields[QuotedSource] = property.Value.GetProperty($"{name}_{name}_src");
                fields[QuotedDestination] = property.Value.GetProperty($"{name}_{name}_dst");
                fields[QuotedLength] = property.Value.GetProperty(name == "ip" ? "ip_ip_len" : "ipv6_ipv6_plen");
            }
            else if (!fields.TryAdd(property.Name, property.Value))
            {
                fields[Second(property.Name)] = property.Value;
            }
        }

        if (options.Length > 0)
        {
            fields[IPOptions] = JsonSerializer.SerializeToElement(options);
        }

        if (layer == "ipv6")
        {
            fields[Transport] = element.TryGetProperty("ipv6_hopopts", out JsonElement hopByHop)
                ? hopByHop.GetProperty("ipv6_hopopts_ipv6_hopopts_nxt")
                : element.GetProperty("ipv6_ipv6_nxt");
        }

        return fields;
    }
}
