namespace Overlay.Linux.Bpf;

/// <summary>The registers of BPF (RFC 9669 §2.1): R0 returns values, R1 to R5 are arguments and lost by a call, R6 to R9 survive it.</summary>
internal enum BpfRegister : byte
{
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,

    /// <summary>The frame pointer: 512 bytes of stack lie below it. Read only.</summary>
    R10,
}
