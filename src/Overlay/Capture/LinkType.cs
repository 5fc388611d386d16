namespace Overlay.Capture;

/// <summary>What the bytes of a captured packet begin with (the LINKTYPE_ registry of tcpdump.org). Other values pass through unchanged.</summary>
public enum LinkType : ushort
{
    /// <summary>BSD loopback: a protocol family in four bytes, then the packet.</summary>
    Null = 0,

    /// <summary>An Ethernet frame without preamble and FCS.</summary>
    Ethernet = 1,

    /// <summary>An IPv4 or IPv6 packet; the version field tells which. What a TUN carries.</summary>
    Raw = 101,

    /// <summary>Linux "cooked" capture, version 1.</summary>
    LinuxCooked = 113,

    /// <summary>Reserved for private use: bytes that no dissector knows.</summary>
    User0 = 147,

    /// <summary>An IPv4 packet.</summary>
    IPv4 = 228,

    /// <summary>An IPv6 packet.</summary>
    IPv6 = 229,

    /// <summary>Linux "cooked" capture, version 2.</summary>
    LinuxCooked2 = 276,
}
