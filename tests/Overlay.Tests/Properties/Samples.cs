using CsCheck;
using Overlay.Testing;

namespace Overlay.Tests.Properties;

/// <summary>What the properties are tried on. CsCheck prints the seed of what failed, shrunk; CsCheck_Seed repeats it.</summary>
internal static class Samples
{
    /// <summary>How many of each.</summary>
    public const long Count = 2_000;

    /// <summary>The machine is shared: one thread.</summary>
    public const int Threads = 1;

    /// <summary>IPv4 or IPv6, that is.</summary>
    public static Gen<bool> Family { get; } = Gen.Bool;

    /// <summary>UDP and TCP packets of hosts 1 to 8, of all sizes up to a link's MTU, with every traffic class.</summary>
    public static Gen<byte[]> IPPacket { get; } = Gen.Select(
        Family, Gen.Bool, Gen.Int[1, 8], Gen.Int[1, 8], Gen.UShort[1, 4], Gen.UShort[1, 4], Gen.Int[0, 1400], Gen.Byte,
        (ipv6, tcp, from, to, source, destination, length, trafficClass) => Packet(ipv6, tcp, from, to, source, destination, PacketBuilder.Payload(length, length), trafficClass));

    /// <summary>Such packets in Ethernet frames of stations 1 to 8.</summary>
    public static Gen<byte[]> Frame { get; } = Gen.Select(IPPacket, Gen.Int[1, 8], Gen.Int[1, 8], (packet, from, to) => FrameOf(packet, from, to));

    public static ValueIPAddress Host(bool ipv6, int number) => ValueIPAddress.Parse(ipv6 ? $"fd00:244::{number:x}" : $"10.244.0.{number}");

    public static MacAddress Station(int number) => MacAddress.Parse($"02:00:00:00:00:{number:x2}");

    public static byte[] FrameOf(byte[] packet, int from, int to) =>
        PacketBuilder.Ethernet(Station(to), Station(from), packet[0] >> 4 == 4 ? EtherType.IPv4 : EtherType.IPv6, packet);

    public static byte[] Packet(bool ipv6, bool tcp, int from, int to, ushort source, ushort destination, byte[] payload, byte trafficClass) => tcp
        ? PacketBuilder.Tcp(Host(ipv6, from), Host(ipv6, to), source, destination, 7, 0x10, payload, trafficClass: trafficClass)
        : PacketBuilder.Udp(Host(ipv6, from), Host(ipv6, to), source, destination, payload, trafficClass);
}
