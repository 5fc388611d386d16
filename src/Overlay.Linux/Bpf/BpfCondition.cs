namespace Overlay.Linux.Bpf;

/// <summary>What a jump compares its 64-bit operands by, unsigned, as the bits of the opcode (RFC 9669 §4.3).</summary>
internal enum BpfCondition : byte
{
    Equal = 0x10,
    Greater = 0x20,
    GreaterOrEqual = 0x30,

    /// <summary>Any bit that both have.</summary>
    AnyBit = 0x40,
    NotEqual = 0x50,
    Less = 0xA0,
    LessOrEqual = 0xB0,
}
