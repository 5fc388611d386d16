namespace Overlay.Linux.Bpf;

/// <summary>Offsets in struct __sk_buff (linux/bpf.h), what R1 of a traffic control program points to. Words of 4 bytes.</summary>
internal static class SkbContext
{
    public const short Length = 0;
    public const short Mark = 8;
    public const short Protocol = 16;
    public const short VlanPresent = 20;
    public const short InterfaceIndex = 40;

    /// <summary>The first byte that may be read in place: on ingress the MAC header.</summary>
    public const short Data = 76;

    /// <summary>One behind the last byte that may be read in place.</summary>
    public const short DataEnd = 80;
    public const short GsoSegments = 164;
    public const short GsoSize = 176;

    /// <summary>Traffic control verdict: go on as if there were no program (linux/pkt_cls.h).</summary>
    public const int ActOk = 0;

    /// <summary>Traffic control verdict: drop.</summary>
    public const int ActShot = 2;
}
