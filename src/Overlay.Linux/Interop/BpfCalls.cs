using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>bpf(2), for which the C library has no function, and its numbers and structures (linux/bpf.h).</summary>
internal static unsafe partial class BpfCalls
{
    public const int BPF_PROG_LOAD = 5;
    public const int BPF_LINK_CREATE = 28;

    public const uint BPF_PROG_TYPE_SCHED_CLS = 3;
    public const uint BPF_TCX_INGRESS = 46;

    /// <summary>Calls bpf(2).</summary>
    /// <returns>A descriptor, or −1 with <paramref name="errno"/>.</returns>
    /// <exception cref="PlatformNotSupportedException">The number of the call on this architecture is not known here.</exception>
    public static int Call(int command, void* attributes, uint length, out Errno errno)
    {
        int result = (int)syscall(Number(RuntimeInformation.ProcessArchitecture), command, (nint)attributes, (nint)length);
        errno = result < 0 ? Libc.LastError : Errno.None;
        return result;
    }

    // asm/unistd_64.h of x86, asm-generic/unistd.h of the others.
    private static nint Number(Architecture architecture) => architecture switch
    {
        Architecture.X64 => 321,
        Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64 => 280,
        _ => throw new PlatformNotSupportedException($"The number of bpf(2) on {architecture} is not known."),
    };

    // Variadic in C; integers are passed alike on the architectures above.
    [LibraryImport("libc")]
    private static partial nint syscall(nint number, nint command, nint attributes, nint length);

    /// <summary>union bpf_attr of BPF_PROG_LOAD, as far as it is used: 72 bytes. What is behind is zero for the kernel.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 72)]
    internal struct ProgramLoad
    {
        public const int NameLength = 16;

        [FieldOffset(0)]
        public uint Type;

        [FieldOffset(4)]
        public uint InstructionCount;

        [FieldOffset(8)]
        public ulong Instructions;

        [FieldOffset(16)]
        public ulong License;

        [FieldOffset(24)]
        public uint LogLevel;

        [FieldOffset(28)]
        public uint LogLength;

        [FieldOffset(32)]
        public ulong Log;

        [FieldOffset(48)]
        public NameField Name;

        [InlineArray(NameLength)]
        internal struct NameField
        {
            private byte _first;
        }
    }

    /// <summary>union bpf_attr of BPF_LINK_CREATE with its part for tcx: 32 bytes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 32)]
    internal struct LinkCreate
    {
        [FieldOffset(0)]
        public uint Program;

        [FieldOffset(4)]
        public uint InterfaceIndex;

        [FieldOffset(8)]
        public uint AttachType;
    }
}
