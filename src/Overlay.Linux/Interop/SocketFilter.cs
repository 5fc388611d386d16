using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>struct sock_filter (linux/filter.h): one instruction of classic BPF, 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SocketFilter
{
    /// <summary>BPF_RET | BPF_K: return the constant, the number of bytes of the packet to keep.</summary>
    public const ushort ReturnConstant = 0x06;

    /// <summary>BPF_LDX | BPF_B | BPF_MSH: four times the low half of the byte at the constant into X, the length of an IPv4 header.</summary>
    public const ushort LoadHeaderLength = 0xb1;

    /// <summary>BPF_LD | BPF_H | BPF_IND: the 16 bits at X and the constant.</summary>
    public const ushort LoadHalfBehindHeader = 0x48;

    /// <summary>BPF_LD | BPF_H | BPF_ABS: the 16 bits at the constant.</summary>
    public const ushort LoadHalf = 0x28;

    /// <summary>BPF_JMP | BPF_JEQ | BPF_K: whether what was loaded is the constant.</summary>
    public const ushort JumpIfEqual = 0x15;

    public ushort Code;
    public byte JumpTrue;
    public byte JumpFalse;
    public uint Constant;
}

/// <summary>struct sock_fprog (linux/filter.h) on 64-bit Linux: 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SocketFilterProgram
{
    public ushort Length;
    public SocketFilter* Filter;
}
