using System.Globalization;
using System.Text.Json;
using Overlay.Testing;

namespace Overlay.Tests.Encapsulation;

/// <summary>What the Linux vxlan device was given and what it did: <c>tests/vectors/kernel-vxlan.json</c>.</summary>
internal sealed record KernelVxlanVectors(int Mtu, int Mtu6, IReadOnlyList<KernelVxlanVectors.DecapRow> Decap, IReadOnlyList<KernelVxlanVectors.EncapRow> Encap)
{
    private const int OuterEthernetLength = 14;

    /// <summary>A frame that was given to the device.</summary>
    internal sealed record DecapRow(string Name, string Device, bool Delivered, byte[] Frame, int? InnerTos)
    {
        /// <summary>The outer IP packet.</summary>
        public byte[] Packet => Frame[OuterEthernetLength..];
    }

    /// <summary>A frame that the device sent.</summary>
    internal sealed record EncapRow(string Name, byte[] Inner, byte[] Outer, byte Tos, ushort Identification, bool DontFragment, byte Ttl, ushort SourcePort, ushort PartialChecksum);

    public static KernelVxlanVectors Load()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Vectors.PathOf("kernel-vxlan.json")));
        JsonElement root = document.RootElement;
        return new KernelVxlanVectors(
            int.Parse(root.GetProperty("mtu").GetString()!, CultureInfo.InvariantCulture),
            int.Parse(root.GetProperty("mtu6").GetString()!, CultureInfo.InvariantCulture),
            [.. root.GetProperty("decap").EnumerateArray().Select(row => new DecapRow(
                row.GetProperty("name").GetString()!,
                row.GetProperty("dev").GetString()!,
                row.GetProperty("delivered").GetInt32() == 1,
                Convert.FromHexString(row.GetProperty("frames")[0].GetString()!),
                row.TryGetProperty("inner_tos", out JsonElement tos) && tos.ValueKind == JsonValueKind.Number ? tos.GetInt32() : null))],
            // The last row is a frame that was too long to be sent.
            [.. root.GetProperty("encap").EnumerateArray().Where(row => row.TryGetProperty("outer", out _)).Select(row => new EncapRow(
                row.GetProperty("name").GetString()!,
                Convert.FromHexString(row.GetProperty("sent").GetString()!),
                Convert.FromHexString(row.GetProperty("outer").GetString()!),
                row.GetProperty("tos").GetByte(),
                row.GetProperty("ident").GetUInt16(),
                row.GetProperty("df").GetBoolean(),
                row.GetProperty("ttl").GetByte(),
                row.GetProperty("sport").GetUInt16(),
                row.GetProperty("udp_csum").GetUInt16()))]);
    }
}
