using System.Buffers.Binary;

namespace Overlay.Demo.Picture;

/// <summary>Takes a frame apart from its beginning: each field is written down and stepped over, so no byte is left out or shown twice.</summary>
/// <param name="frame">The frame.</param>
internal sealed class PictureWriter(byte[] frame)
{
    private readonly List<PacketLayer> _layers = [];
    private List<PacketField> _fields = [];

    /// <summary>The layers so far.</summary>
    public IReadOnlyList<PacketLayer> Layers => _layers;

    /// <summary>Where the next field begins.</summary>
    public int Position { get; private set; }

    /// <summary>What has not been taken apart yet.</summary>
    public ReadOnlySpan<byte> Rest => frame.AsSpan(Position);

    /// <summary>Whether every checksum so far was right, or left to the device, and every layer could be read.</summary>
    public bool Intact { get; private set; } = true;

    /// <summary>Whether what comes now is inside a tunnel.</summary>
    public bool Inner { get; set; }

    /// <summary>Source and destination of the IP packet around what comes now: part of UDP's and ICMPv6's checksum.</summary>
    public (ValueIPAddress Source, ValueIPAddress Destination) Addresses { get; set; }

    /// <summary>Begins a layer.</summary>
    public void Layer(string name, bool sided = true)
    {
        _fields = [];
        _layers.Add(new PacketLayer(sided ? $"{(Inner ? "inner" : "outer")} {name}" : name, _fields));
    }

    /// <summary>Writes down the next bytes.</summary>
    public void Field(int length, string name, string value, string specification)
    {
        if (length > 0)
        {
            _fields.Add(new PacketField(Position, Convert.ToHexStringLower(frame.AsSpan(Position, length)), name, value, specification));
            Position += length;
        }
    }

    /// <summary>Writes down a checksum of two bytes.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="valid">Whether it is right.</param>
    /// <param name="specification">Where it is defined.</param>
    /// <param name="unfinished">What stands there while the device is still to compute it: the sum over the pseudo-header; null where that is not done.</param>
    public void Checksum(string name, bool valid, string specification, ushort? unfinished = null)
    {
        ushort value = BinaryPrimitives.ReadUInt16BigEndian(Rest);
        bool left = !valid && value == unfinished;
        Intact &= valid || left;
        Field(2, name, $"0x{value:x4}, {(valid ? "right" : left ? "left to the device" : "wrong")}", specification);
    }

    /// <summary>Writes down all the rest as what could not be read.</summary>
    public void Unreadable(string why)
    {
        Intact = false;
        Layer("unreadable", sided: false);
        Field(Rest.Length, why, Bytes(Rest.Length), "");
    }

    /// <summary>A length in words.</summary>
    public static string Bytes(int count) => count == 1 ? "1 byte" : $"{count} bytes";
}
