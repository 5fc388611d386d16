using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Overlay.Wire;

/// <summary>The operation of an ARP packet (RFC 826, IANA registry).</summary>
public enum ArpOperation : ushort
{
    /// <summary>Who has the target address?</summary>
    Request = 1,

    /// <summary>The sender has it.</summary>
    Reply = 2,
}

/// <summary>An ARP packet for IPv4 over Ethernet (RFC 826).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------------------------------+-------------------------------+
/// |     Hardware type (1)         |     Protocol type (0x0800)    |
/// +---------------+---------------+-------------------------------+
/// |  HW length 6  | Proto length 4|          Operation            |
/// +---------------+---------------+-------------------------------+
/// |  Sender hardware address (6 bytes), sender protocol address   |
/// |  (4), target hardware address (6), target protocol address (4)|
/// +---------------------------------------------------------------+
/// </code>
/// A view reads the memory it was parsed from; it must not outlive it. The default value is no packet.
/// </remarks>
public readonly ref struct ArpPacket
{
    /// <summary>Bytes of a packet, 28. What follows is padding of the frame.</summary>
    public const int Length = 28;

    internal const ushort HardwareTypeEthernet = 1;
    internal const int HardwareTypeOffset = 0;
    internal const int ProtocolTypeOffset = 2;
    internal const int HardwareLengthOffset = 4;
    internal const int ProtocolLengthOffset = 5;
    internal const int OperationOffset = 6;
    internal const int SenderMacOffset = 8;
    internal const int SenderAddressOffset = 14;
    internal const int TargetMacOffset = 18;
    internal const int TargetAddressOffset = 24;

    private readonly ref readonly byte _start;

    private ArpPacket(ReadOnlySpan<byte> packet) => _start = ref MemoryMarshal.GetReference(packet[..Length]);

    /// <summary>Operation; values beside request and reply are passed as they are.</summary>
    public ArpOperation Operation => (ArpOperation)BinaryPrimitives.ReadUInt16BigEndian(Bytes[OperationOffset..]);

    /// <summary>Sender hardware address.</summary>
    public MacAddress SenderMac => MacAddress.Read(Bytes[SenderMacOffset..]);

    /// <summary>Sender protocol address; 0.0.0.0 in a probe (RFC 5227 §1.1).</summary>
    public ValueIPAddress SenderAddress => ValueIPAddress.ReadIPv4(Bytes[SenderAddressOffset..]);

    /// <summary>Target hardware address; undefined in a request.</summary>
    public MacAddress TargetMac => MacAddress.Read(Bytes[TargetMacOffset..]);

    /// <summary>Target protocol address.</summary>
    public ValueIPAddress TargetAddress => ValueIPAddress.ReadIPv4(Bytes[TargetAddressOffset..]);

    /// <summary>Whether sender and target address are the same: a gratuitous ARP, or an announcement (RFC 5227 §3).</summary>
    public bool IsGratuitous => SenderAddress == TargetAddress;

    /// <summary>The 28 bytes.</summary>
    public ReadOnlySpan<byte> Bytes => MemoryMarshal.CreateReadOnlySpan(in _start, Length);

    /// <summary>Takes an ARP packet for IPv4 over Ethernet.</summary>
    /// <returns>false if the bytes end before, or the packet is for another protocol or hardware.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out ArpPacket packet) => TryParse(source, out packet, out _);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out ArpPacket)"/>
    /// <param name="source">The bytes, from the hardware type on; padding may follow.</param>
    /// <param name="packet">The view.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>; <see cref="WireError.Unsupported"/> for another hardware or protocol type;
    /// <see cref="WireError.HeaderLength"/> for address lengths that do not fit the types.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out ArpPacket packet, out WireError error)
    {
        if (source.Length < Length)
        {
            error = WireError.Truncated;
        }
        else if (BinaryPrimitives.ReadUInt16BigEndian(source) != HardwareTypeEthernet ||
            BinaryPrimitives.ReadUInt16BigEndian(source[ProtocolTypeOffset..]) != (ushort)EtherType.IPv4)
        {
            error = WireError.Unsupported;
        }
        else if (source[HardwareLengthOffset] != MacAddress.Length || source[ProtocolLengthOffset] != ValueIPAddress.IPv4Length)
        {
            error = WireError.HeaderLength;
        }
        else
        {
            packet = new ArpPacket(source);
            error = WireError.None;
            return true;
        }

        packet = default;
        return false;
    }

    /// <summary>The packet as value.</summary>
    public ArpHeader ToHeader() => new(Operation, SenderMac, SenderAddress, TargetMac, TargetAddress);
}

/// <summary>An ARP packet for IPv4 over Ethernet as value: build, compare, write.</summary>
/// <param name="Operation">Request or reply.</param>
/// <param name="SenderMac">Sender hardware address.</param>
/// <param name="SenderAddress">Sender protocol address, IPv4.</param>
/// <param name="TargetMac">Target hardware address.</param>
/// <param name="TargetAddress">Target protocol address, IPv4.</param>
public readonly record struct ArpHeader(
    ArpOperation Operation, MacAddress SenderMac, ValueIPAddress SenderAddress, MacAddress TargetMac, ValueIPAddress TargetAddress)
{
    /// <summary>Bytes on the wire, 28.</summary>
    public const int Length = ArpPacket.Length;

    /// <summary>Writes the packet.</summary>
    /// <param name="destination">Takes 28 bytes.</param>
    /// <param name="bytesWritten">28, or 0.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="InvalidOperationException">A protocol address is not IPv4, as in the default value.</exception>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        if (!SenderAddress.IsIPv4 || !TargetAddress.IsIPv4)
        {
            throw new InvalidOperationException("ARP carries IPv4 addresses.");
        }

        bytesWritten = 0;
        if (destination.Length < ArpPacket.Length)
        {
            return false;
        }

        destination = destination[..ArpPacket.Length];
        BinaryPrimitives.WriteUInt16BigEndian(destination, ArpPacket.HardwareTypeEthernet);
        BinaryPrimitives.WriteUInt16BigEndian(destination[ArpPacket.ProtocolTypeOffset..], (ushort)EtherType.IPv4);
        destination[ArpPacket.HardwareLengthOffset] = MacAddress.Length;
        destination[ArpPacket.ProtocolLengthOffset] = ValueIPAddress.IPv4Length;
        BinaryPrimitives.WriteUInt16BigEndian(destination[ArpPacket.OperationOffset..], (ushort)Operation);
        SenderMac.TryWriteBytes(destination[ArpPacket.SenderMacOffset..]);
        SenderAddress.TryWriteBytes(destination[ArpPacket.SenderAddressOffset..], out _);
        TargetMac.TryWriteBytes(destination[ArpPacket.TargetMacOffset..]);
        TargetAddress.TryWriteBytes(destination[ArpPacket.TargetAddressOffset..], out _);
        bytesWritten = ArpPacket.Length;
        return true;
    }
}
