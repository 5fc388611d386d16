using System.Net;
using System.Net.NetworkInformation;

namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>Addresses for the headers, in the types of both libraries, so that neither pays for converting them.</summary>
internal static class SampleFields
{
    /// <summary>How many there are of each; a power of two.</summary>
    public const int Count = 64;

    /// <summary>Set in every number that a header was made into, so that none is 0.</summary>
    public const ulong Parsed = 1ul << 63;

    private static readonly ValueIPAddress[] V4 = [.. Enumerable.Range(0, Count).Select(i => ValueIPAddress.FromIPv4(0x0A00_0100u + (uint)i))];
    private static readonly ValueIPAddress[] V6 = [.. Enumerable.Range(0, Count).Select(i => ValueIPAddress.Parse($"2001:db8::{i + 1:x}"))];
    private static readonly MacAddress[] Macs = [.. Enumerable.Range(0, Count).Select(i => MacAddress.FromValue(0x0200_0000_0000 + (ulong)i))];
    private static readonly IPAddress[] V4Objects = [.. V4.Select(address => address.ToIPAddress())];
    private static readonly IPAddress[] V6Objects = [.. V6.Select(address => address.ToIPAddress())];
    private static readonly PhysicalAddress[] MacObjects = [.. Macs.Select(mac => mac.ToPhysicalAddress())];

    public static ValueIPAddress IPv4(uint number) => V4[(int)(number % Count)];

    public static ValueIPAddress IPv6(uint number) => V6[(int)(number % Count)];

    public static MacAddress Mac(uint number) => Macs[(int)(number % Count)];

    public static IPAddress IPv4Object(uint number) => V4Objects[(int)(number % Count)];

    public static IPAddress IPv6Object(uint number) => V6Objects[(int)(number % Count)];

    public static PhysicalAddress MacObject(uint number) => MacObjects[(int)(number % Count)];

    public static Vni Vni(uint number) => new(number % (Overlay.Vni.MaxValue + 1));

    /// <summary>1 or 0.</summary>
    public static ulong Bit(bool value) => value ? 1ul : 0;
}
