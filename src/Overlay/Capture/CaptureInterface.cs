namespace Overlay.Capture;

/// <summary>Where packets of a capture were seen: one interface description of pcapng, or the header of a pcap file.</summary>
public sealed class CaptureInterface
{
    internal CaptureInterface(int id, LinkType linkType, long snapLength, string? name, string? description, TimestampClock clock)
    {
        Id = id;
        LinkType = linkType;
        SnapLength = snapLength;
        Name = name;
        Description = description;
        Clock = clock;
    }

    /// <summary>The number within its section, from 0.</summary>
    public int Id { get; }

    /// <summary>What its packets begin with.</summary>
    public LinkType LinkType { get; }

    /// <summary>The number of bytes after which packets were cut; 0 for no limit.</summary>
    public long SnapLength { get; }

    /// <summary>The name (<c>if_name</c>), if the capture has one.</summary>
    public string? Name { get; }

    /// <summary>The description (<c>if_description</c>), if the capture has one.</summary>
    public string? Description { get; }

    internal TimestampClock Clock { get; }
}
