using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization;
using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>What Linux did with frames on the underlay (decapsulation), and what it made of frames given to its device (encapsulation).</summary>
internal sealed class KernelVectors
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static KernelVectors Instance { get; } = JsonSerializer.Deserialize<KernelVectors>(File.ReadAllText(Vectors.PathOf("kernel-vxlan.json")), Options)!;

    public required DecapsulationRow[] Decap { get; init; }

    public required EncapsulationRow[] Encap { get; init; }
}

/// <summary>A frame of the underlay, and whether the inner frame came out of the device.</summary>
/// <param name="Name">What is special about it.</param>
/// <param name="Dev">The tunnel it is for.</param>
/// <param name="Delivered">Frames that came out.</param>
/// <param name="Frames">The frames.</param>
/// <param name="InnerTos">The inner traffic class as it came out; null if it is not an IP packet then.</param>
/// <param name="InnerLen">The length that came out, without an outermost VLAN tag, which a packet socket does not show.</param>
/// <param name="InnerSame">Whether the bytes were those that went in.</param>
internal sealed record DecapsulationRow(
    string Name, string Dev, int Delivered, string[] Frames, int? InnerTos, int? InnerLen, bool? InnerSame)
{
    private const int EthernetLength = 14;
    private const int UdpVxlanLength = 16;

    [JsonIgnore]
    public byte[] Frame => Convert.FromHexString(Frames.Single());

    /// <summary>The frame that came out of the kernel's device, byte for byte.</summary>
    public byte[] Expected()
    {
        byte[] outer = Frame;
        bool ipv6 = BinaryPrimitives.ReadUInt16BigEndian(outer.AsSpan(12)) == (ushort)EtherType.IPv6;
        int udp = EthernetLength + (ipv6 ? 40 : (outer[EthernetLength] & 0xF) * 4);
        byte[] inner = outer[(udp + UdpVxlanLength)..(udp + BinaryPrimitives.ReadUInt16BigEndian(outer.AsSpan(udp + 4)))];
        if (BinaryPrimitives.ReadUInt16BigEndian(inner.AsSpan(12)) is 0x8100 or 0x88A8)
        {
            inner = [.. inner.AsSpan(0, 12), .. inner.AsSpan(16)];
        }

        if (InnerTos is int tos && InnerSame == false)
        {
            SetTrafficClass(inner.AsSpan(EthernetLength), (byte)tos);
        }

        return inner;
    }

    private static void SetTrafficClass(Span<byte> packet, byte value)
    {
        if (packet[0] >> 4 == 6)
        {
            packet[0] = (byte)(0x60 | (value >> 4));
            packet[1] = (byte)((value << 4) | (packet[1] & 0xF));
            return;
        }

        packet[1] = value;
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], PacketBuilder.Checksum(packet[..20], 0));
    }
}

/// <summary>A frame given to the device, and the outer headers it left with.</summary>
/// <param name="Name">What is special about it.</param>
/// <param name="Sent">The frame; null if the kernel refused it.</param>
/// <param name="Err">What the kernel said when it refused it.</param>
/// <param name="Tos">Outer TOS.</param>
/// <param name="Ttl">Outer TTL.</param>
/// <param name="Df">Outer DF.</param>
/// <param name="Dport">Destination port.</param>
/// <param name="Vx">The VXLAN header.</param>
internal sealed record EncapsulationRow(string Name, string? Sent, string? Err, int Tos, int Ttl, bool Df, int Dport, string? Vx);
