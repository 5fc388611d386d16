using Overlay.Linux.Bpf;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// Frames in which the outer IP header stands between the link header (<see cref="RedirectFrame"/>) and the inner packet, and the program that tells
/// the kernel that it is an outer header.
/// </summary>
/// <remarks>
/// A vnet header can describe no superpacket within IP. So it describes the inner superpacket alone, with the offsets behind the outer header, and
/// the EtherType is the inner one. The program takes the outer header off, which leaves a plain superpacket; puts the same room in front again, this
/// time as the room of a tunnel (bpf_skb_adjust_room with an ENCAP flag); and writes the header back. Each segment that the kernel or the card cuts
/// then gets both headers, with lengths, identifications and checksums of its own.
/// </remarks>
internal static class EncapsulationFrame
{
    private const short LinkLength = EthernetFrame.MinimumHeaderLength;
    private const int VersionShift = 4;

    // Where the header lies on the stack meanwhile, counted from the frame pointer.
    private const int Stack = -IPv6Packet.HeaderLength;

    // enum bpf_adj_room_mode and the flags of bpf_skb_adjust_room (linux/bpf.h).
    private const int AdjustRoomMac = 1;
    private const int FixedGso = 1 << 0;
    private const int EncapsulationIPv4 = 1 << 1;
    private const int EncapsulationIPv6 = 1 << 2;

    /// <summary>The program: makes the outer header one and redirects; drops whatever has no mark or no IP header.</summary>
    public static ulong[] Program()
    {
        BpfAssembler assembler = new();
        BpfLabel drop = assembler.NewLabel();
        BpfLabel ipv6 = assembler.NewLabel();
        BpfLabel redirect = assembler.NewLabel();
        assembler.Move(BpfRegister.R6, BpfRegister.R1);
        RedirectFrame.ReadInterface(assembler, LinkLength + 1, drop);
        assembler
            .Move(BpfRegister.R7, BpfRegister.R1)
            .Load(BpfSize.Byte, BpfRegister.R8, BpfRegister.R2, LinkLength)
            .Alu(BpfAlu.ShiftRight, BpfRegister.R8, VersionShift)
            .Jump(BpfCondition.Equal, BpfRegister.R8, 6, ipv6)
            .Jump(BpfCondition.NotEqual, BpfRegister.R8, 4, drop);
        Encapsulate(assembler, IPv4Packet.MinimumHeaderLength, EncapsulationIPv4, drop);
        assembler.Jump(redirect).Mark(ipv6);
        Encapsulate(assembler, IPv6Packet.HeaderLength, EncapsulationIPv6, drop);
        assembler.Mark(redirect).Move(BpfRegister.R1, BpfRegister.R7);
        RedirectFrame.End(assembler, drop);
        return assembler.Build();
    }

    private static void Encapsulate(BpfAssembler assembler, int headerLength, int encapsulation, BpfLabel drop)
    {
        assembler
            .Move(BpfRegister.R1, BpfRegister.R6)
            .Move(BpfRegister.R2, LinkLength)
            .Move(BpfRegister.R3, BpfRegister.R10)
            .Alu(BpfAlu.Add, BpfRegister.R3, Stack)
            .Move(BpfRegister.R4, headerLength)
            .Call(BpfHelper.SkbLoadBytes)
            .Jump(BpfCondition.NotEqual, BpfRegister.R0, 0, drop);
        // Without FIXED_GSO the kernel would shorten the segments by what stands in front now; their length counts that in already.
        AdjustRoom(assembler, -headerLength, FixedGso, drop);
        AdjustRoom(assembler, headerLength, FixedGso | encapsulation, drop);
        assembler
            .Move(BpfRegister.R1, BpfRegister.R6)
            .Move(BpfRegister.R2, LinkLength)
            .Move(BpfRegister.R3, BpfRegister.R10)
            .Alu(BpfAlu.Add, BpfRegister.R3, Stack)
            .Move(BpfRegister.R4, headerLength)
            .Move(BpfRegister.R5, 0)
            .Call(BpfHelper.SkbStoreBytes)
            .Jump(BpfCondition.NotEqual, BpfRegister.R0, 0, drop);
    }

    private static void AdjustRoom(BpfAssembler assembler, int by, int flags, BpfLabel drop) => assembler
        .Move(BpfRegister.R1, BpfRegister.R6)
        .Move(BpfRegister.R2, by)
        .Move(BpfRegister.R3, AdjustRoomMac)
        .Move(BpfRegister.R4, flags)
        .Call(BpfHelper.SkbAdjustRoom)
        .Jump(BpfCondition.NotEqual, BpfRegister.R0, 0, drop);
}
