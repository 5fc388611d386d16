namespace Overlay.Linux.Bpf;

/// <summary>Arithmetic, as the bits of the opcode (RFC 9669 §4.1).</summary>
internal enum BpfAlu : byte
{
    Add = 0x00,
    Subtract = 0x10,
    Multiply = 0x20,
    Divide = 0x30,
    Or = 0x40,
    And = 0x50,
    ShiftLeft = 0x60,
    ShiftRight = 0x70,
    Modulo = 0x90,
    Xor = 0xA0,
}
