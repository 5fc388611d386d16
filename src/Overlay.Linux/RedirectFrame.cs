using System.Buffers.Binary;
using Overlay.Linux.Bpf;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// Frames that say by themselves which interface they are to leave by, and the program that reads it. Their MAC addresses mean nothing, for the
/// kernel writes those of the next hop; so they carry a mark, by which the program knows our frames, and the interface's index.
/// </summary>
/// <remarks>
/// The index is in the frame and not in the program: a changed route needs no new program. The next hop is not in it either: the kernel asks its
/// own routes and neighbours (bpf_redirect_neigh), resolves whom it does not know, and notices whoever moved.
/// </remarks>
internal static class RedirectFrame
{
    // "\x02OVL-T": locally administered, unicast. The source address is 02:00 and the index.
    private const ulong Mark = 0x024F_564C_2D54;
    private const int SourcePrefix = 0x0200;

    // The mark and the prefix as a machine of little endian loads them: four bytes each from 0 and 4.
    private const int FirstWord = 0x4C56_4F02;
    private const int SecondWord = 0x0002_542D;
    private const short SecondWordOffset = 4;
    private const short IndexOffset = 8;

    /// <summary>The link header of frames for an interface.</summary>
    public static EthernetHeader Header(int interfaceIndex, bool ipv4)
    {
        Span<byte> source = stackalloc byte[MacAddress.Length];
        BinaryPrimitives.WriteUInt16BigEndian(source, SourcePrefix);
        BinaryPrimitives.WriteInt32BigEndian(source[2..], interfaceIndex);
        Span<byte> mark = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(mark, Mark);
        return new EthernetHeader(new MacAddress(mark[2..]), new MacAddress(source), ipv4 ? EtherType.IPv4 : EtherType.IPv6);
    }

    /// <summary>The program: redirects frames with the mark, drops all others.</summary>
    public static ulong[] Program()
    {
        BpfAssembler assembler = new();
        BpfLabel drop = assembler.NewLabel();
        return assembler
            .Load(BpfSize.Word, BpfRegister.R2, BpfRegister.R1, SkbContext.Data)
            .Load(BpfSize.Word, BpfRegister.R3, BpfRegister.R1, SkbContext.DataEnd)
            .Move(BpfRegister.R4, BpfRegister.R2)
            .Alu(BpfAlu.Add, BpfRegister.R4, EthernetFrame.MinimumHeaderLength)
            .Jump(BpfCondition.Greater, BpfRegister.R4, BpfRegister.R3, drop)
            .Load(BpfSize.Word, BpfRegister.R4, BpfRegister.R2, 0)
            .Jump(BpfCondition.NotEqual, BpfRegister.R4, FirstWord, drop)
            .Load(BpfSize.Word, BpfRegister.R4, BpfRegister.R2, SecondWordOffset)
            .Jump(BpfCondition.NotEqual, BpfRegister.R4, SecondWord, drop)
            .Load(BpfSize.Word, BpfRegister.R1, BpfRegister.R2, IndexOffset)
            .SwapBigEndian(BpfRegister.R1, 32)
            .Move(BpfRegister.R2, 0)
            .Move(BpfRegister.R3, 0)
            .Move(BpfRegister.R4, 0)
            .Call(BpfHelper.RedirectNeighbor)
            .Exit()
            .Mark(drop)
            .Move(BpfRegister.R0, SkbContext.ActShot)
            .Exit()
            .Build();
    }
}
