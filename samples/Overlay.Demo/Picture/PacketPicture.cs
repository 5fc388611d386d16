using System.Globalization;
using System.Text;

namespace Overlay.Demo.Picture;

/// <summary>A frame, annotated field by field: read by the views of the library, headers from the outside to the inside.</summary>
internal sealed class PacketPicture
{
    // A tunnel in a tunnel in a tunnel has fewer; a frame that is made to have more ends as payload.
    private const int MaximumLayers = 16;
    private const int BytesPerLine = 8;

    private PacketPicture(PictureWriter writer)
    {
        Layers = writer.Layers;
        Intact = writer.Intact;
    }

    /// <summary>The layers; their fields are all the bytes of the frame, in order.</summary>
    public IReadOnlyList<PacketLayer> Layers { get; }

    /// <summary>Whether all layers could be read and all checksums are right or, as is said then, left to the device.</summary>
    public bool Intact { get; }

    /// <summary>Takes an Ethernet frame apart, whatever its bytes are.</summary>
    public static PacketPicture Of(ReadOnlySpan<byte> frame)
    {
        PictureWriter writer = new(frame.ToArray());
        PictureStep next = PictureStep.Ethernet;
        while (next is not (PictureStep.Payload or PictureStep.Unreadable) && writer.Layers.Count < MaximumLayers)
        {
            next = Take(writer, next);
        }

        if (next == PictureStep.Unreadable)
        {
            writer.Unreadable("what was announced is not here");
        }
        else if (writer.Rest.Length > 0)
        {
            writer.Layer("payload", sided: false);
            writer.Field(writer.Rest.Length, "data", PictureWriter.Bytes(writer.Rest.Length), "");
        }

        return new PacketPicture(writer);
    }

    /// <summary>The picture as text: offset, bytes, name, value, specification.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        foreach (PacketLayer layer in Layers)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  {layer.Name} ({PictureWriter.Bytes(layer.Fields.Sum(field => field.Bytes.Length / 2))})");
            foreach (PacketField field in layer.Fields)
            {
                Append(text, field);
            }
        }

        return text.ToString();
    }

    private static PictureStep Take(PictureWriter writer, PictureStep step) => step switch
    {
        PictureStep.Ethernet => LinkLayers.Ethernet(writer),
        PictureStep.Arp => LinkLayers.Arp(writer),
        PictureStep.IPv4 => InternetLayers.IPv4(writer),
        PictureStep.IPv6 => InternetLayers.IPv6(writer),
        PictureStep.Udp => TransportLayers.Udp(writer),
        PictureStep.Vxlan => TransportLayers.Vxlan(writer),
        PictureStep.Icmp => TransportLayers.Icmp(writer),
        PictureStep.IcmpV6 => TransportLayers.IcmpV6(writer),
        _ => PictureStep.Payload,
    };

    // A long field goes on below.
    private static void Append(StringBuilder text, PacketField field)
    {
        string[] pairs = [.. field.Bytes.Chunk(2).Select(pair => new string(pair))];
        string[] lines = [.. pairs.Chunk(BytesPerLine).Select(line => string.Join(' ', line))];
        text.AppendLine($"  {field.Offset,5}  {lines[0],-23}  {field.Name,-23}  {field.Value,-38}  {field.Specification}".TrimEnd());
        foreach (string line in lines.Skip(1))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"         {line}");
        }
    }
}
