using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>struct sock_filter (linux/filter.h): one instruction of classic BPF, 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SocketFilter
{
    /// <summary>BPF_RET | BPF_K: return the constant, the number of bytes of the packet to keep.</summary>
    public const ushort ReturnConstant = 0x06;

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
