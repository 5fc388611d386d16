namespace Overlay.Linux.Bpf;

/// <summary>
/// Writes BPF programs (RFC 9669) an instruction at a time, each named for what it does, jumps by labels. What the verifier of the kernel
/// thinks of a program is found out by <see cref="BpfProgram.Load"/>.
/// </summary>
/// <remarks>
/// An instruction is 8 bytes: opcode, destination and source register, a 16-bit offset, a 32-bit constant. Kept as one number each, low
/// byte first: programs are made for machines of little endian only.
/// </remarks>
internal sealed class BpfAssembler
{
    // Instruction classes and modes (RFC 9669 §3).
    private const byte LoadImmediate = 0x18;
    private const byte LoadMemory = 0x61;
    private const byte StoreImmediate = 0x62;
    private const byte StoreMemory = 0x63;
    private const byte Alu32 = 0x04;
    private const byte Alu64 = 0x07;
    private const byte JumpClass = 0x05;
    private const byte FromRegister = 0x08;
    private const byte MoveCode = 0xB0;
    private const byte ByteSwap = 0xDC;
    private const byte CallCode = 0x85;
    private const byte ExitCode = 0x95;

    private const int OffsetShift = 16;

    private readonly List<ulong> _instructions = [];
    private readonly List<int> _labels = [];
    private readonly List<(int Instruction, int Label)> _jumps = [];

    /// <summary>The number of 8-byte instructions so far.</summary>
    public int Count => _instructions.Count;

    /// <summary>destination = source, 64 bits.</summary>
    public BpfAssembler Move(BpfRegister destination, BpfRegister source) => Add(Alu64 | MoveCode | FromRegister, destination, source);

    /// <summary>destination = the sign-extended constant.</summary>
    public BpfAssembler Move(BpfRegister destination, int constant) => Add(Alu64 | MoveCode, destination, constant: constant);

    /// <summary>destination = the lower 32 bits of source; the upper bits become 0.</summary>
    public BpfAssembler Move32(BpfRegister destination, BpfRegister source) => Add(Alu32 | MoveCode | FromRegister, destination, source);

    /// <summary>destination = a constant of 64 bits. Takes two instructions.</summary>
    public BpfAssembler MoveWide(BpfRegister destination, ulong constant)
    {
        Add(LoadImmediate, destination, constant: (int)constant);
        return Add(0, default, constant: (int)(constant >> 32));
    }

    /// <summary>destination = memory at source + offset, zero-extended, in the byte order of the machine.</summary>
    public BpfAssembler Load(BpfSize size, BpfRegister destination, BpfRegister source, short offset) =>
        Add(LoadMemory | (int)size, destination, source, offset);

    /// <summary>Memory at destination + offset = source.</summary>
    public BpfAssembler Store(BpfSize size, BpfRegister destination, short offset, BpfRegister source) =>
        Add(StoreMemory | (int)size, destination, source, offset);

    /// <summary>Memory at destination + offset = the constant.</summary>
    public BpfAssembler Store(BpfSize size, BpfRegister destination, short offset, int constant) =>
        Add(StoreImmediate | (int)size, destination, default, offset, constant);

    /// <summary>destination = destination op source, 64 bits.</summary>
    public BpfAssembler Alu(BpfAlu operation, BpfRegister destination, BpfRegister source) =>
        Add(Alu64 | (int)operation | FromRegister, destination, source);

    /// <summary>destination = destination op the sign-extended constant, 64 bits.</summary>
    public BpfAssembler Alu(BpfAlu operation, BpfRegister destination, int constant) => Add(Alu64 | (int)operation, destination, constant: constant);

    /// <summary>Turns the lower 16, 32 or 64 bits of a register from the machine's byte order to big endian, or back; the others become 0.</summary>
    public BpfAssembler SwapBigEndian(BpfRegister register, int bits) => Add(ByteSwap, register, constant: bits);

    /// <summary>A place to jump to, which <see cref="Mark"/> sets.</summary>
    public BpfLabel NewLabel()
    {
        _labels.Add(-1);
        return new BpfLabel(_labels.Count - 1);
    }

    /// <summary>Makes the next instruction the one that jumps to the label lead to.</summary>
    /// <exception cref="InvalidOperationException">The label has its place already.</exception>
    public BpfAssembler Mark(BpfLabel label)
    {
        if (_labels[label.Number] >= 0)
        {
            throw new InvalidOperationException("A label has one place.");
        }

        _labels[label.Number] = Count;
        return this;
    }

    /// <summary>Jumps.</summary>
    public BpfAssembler Jump(BpfLabel target) => AddJump(JumpClass, default, default, 0, target);

    /// <summary>Jumps if left and right compare so.</summary>
    public BpfAssembler Jump(BpfCondition condition, BpfRegister left, BpfRegister right, BpfLabel target) =>
        AddJump(JumpClass | (int)condition | FromRegister, left, right, 0, target);

    /// <summary>Jumps if left and the sign-extended constant compare so.</summary>
    public BpfAssembler Jump(BpfCondition condition, BpfRegister left, int right, BpfLabel target) =>
        AddJump(JumpClass | (int)condition, left, default, right, target);

    /// <summary>Calls a function of the kernel with R1 to R5, whose contents are lost; the result is in R0.</summary>
    public BpfAssembler Call(BpfHelper helper) => Add(CallCode, default, constant: (int)helper);

    /// <summary>Ends the program; R0 is its result.</summary>
    public BpfAssembler Exit() => Add(ExitCode, default);

    /// <summary>The program.</summary>
    /// <exception cref="InvalidOperationException">A jump leads to a label without a place, or too far.</exception>
    public ulong[] Build()
    {
        ulong[] program = [.. _instructions];
        foreach ((int instruction, int label) in _jumps)
        {
            int target = _labels[label];
            // An offset counts from the instruction behind the jump.
            int offset = target - instruction - 1;
            if (target < 0 || offset is < short.MinValue or > short.MaxValue)
            {
                throw new InvalidOperationException(target < 0 ? $"Instruction {instruction} jumps to a label without a place." :
                    $"Instruction {instruction} jumps {offset} instructions; an offset has 16 bits.");
            }

            program[instruction] |= (ulong)(ushort)offset << OffsetShift;
        }

        return program;
    }

    private BpfAssembler AddJump(int opcode, BpfRegister left, BpfRegister right, int constant, BpfLabel target)
    {
        _jumps.Add((Count, target.Number));
        return Add(opcode, left, right, 0, constant);
    }

    private BpfAssembler Add(int opcode, BpfRegister destination, BpfRegister source = default, short offset = 0, int constant = 0)
    {
        _instructions.Add((byte)opcode | ((ulong)destination << 8) | ((ulong)source << 12) | ((ulong)(ushort)offset << OffsetShift) | ((ulong)(uint)constant << 32));
        return this;
    }
}
