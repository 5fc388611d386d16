using Overlay.Linux.Bpf;
using Xunit;

namespace Overlay.Linux.Tests.Bpf;

/// <summary>The encodings are those of the macros of linux/filter.h (BPF_MOV64_REG and so on), worked out with RFC 9669 §3.</summary>
public sealed class BpfAssemblerTests
{
    [Fact]
    public void Each_instruction_has_the_bytes_of_the_standard()
    {
        BpfAssembler assembler = new();
        assembler.Move(BpfRegister.R6, BpfRegister.R1)
            .Move(BpfRegister.R2, -1)
            .Move32(BpfRegister.R3, BpfRegister.R4)
            .MoveWide(BpfRegister.R1, 0x1122_3344_5566_7788)
            .Load(BpfSize.Word, BpfRegister.R7, BpfRegister.R6, 76)
            .Load(BpfSize.HalfWord, BpfRegister.R0, BpfRegister.R7, 12)
            .Load(BpfSize.Byte, BpfRegister.R0, BpfRegister.R7, 23)
            .Load(BpfSize.DoubleWord, BpfRegister.R0, BpfRegister.R10, -8)
            .Store(BpfSize.Word, BpfRegister.R10, -4, BpfRegister.R1)
            .Store(BpfSize.HalfWord, BpfRegister.R10, -2, 0x1234)
            .Alu(BpfAlu.Add, BpfRegister.R2, BpfRegister.R3)
            .Alu(BpfAlu.And, BpfRegister.R2, 0xFF)
            .Alu(BpfAlu.ShiftRight, BpfRegister.R2, 16)
            .SwapBigEndian(BpfRegister.R2, 16)
            .Call(BpfHelper.RedirectNeighbor)
            .Exit();
        Assert.Equal(17, assembler.Count);
        Assert.Equal(
            """
            BF16000000000000
            B7020000FFFFFFFF
            BC43000000000000
            1801000088776655
            0000000044332211
            61674C0000000000
            69700C0000000000
            7170170000000000
            79A0F8FF00000000
            631AFCFF00000000
            6A0AFEFF34120000
            0F32000000000000
            57020000FF000000
            7702000010000000
            DC02000010000000
            8500000098000000
            9500000000000000
            """,
            Hex(assembler));
    }

    [Fact]
    public void A_jump_counts_from_the_instruction_behind_it_in_both_directions()
    {
        BpfAssembler assembler = new();
        BpfLabel start = assembler.NewLabel();
        BpfLabel end = assembler.NewLabel();
        assembler.Mark(start)
            .Jump(BpfCondition.Equal, BpfRegister.R1, 7, end)
            .Jump(BpfCondition.Greater, BpfRegister.R1, BpfRegister.R2, end)
            .Jump(start)
            .Mark(end)
            .Exit();
        Assert.Equal("1501020007000000\n2D21010000000000\n0500FDFF00000000\n9500000000000000", Hex(assembler));
    }

    [Fact]
    public void A_jump_to_nowhere_or_too_far_is_refused()
    {
        BpfAssembler nowhere = new();
        nowhere.Jump(nowhere.NewLabel());
        Assert.Contains("label without a place", Assert.Throws<InvalidOperationException>(nowhere.Build).Message, StringComparison.Ordinal);

        BpfAssembler far = new();
        BpfLabel end = far.NewLabel();
        far.Jump(end);
        for (int i = 0; i <= short.MaxValue; i++)
        {
            far.Move(BpfRegister.R0, 0);
        }

        far.Mark(end);
        Assert.Contains("16 bits", Assert.Throws<InvalidOperationException>(far.Build).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => far.Mark(end));
    }

    // In the order of memory.
    private static string Hex(BpfAssembler assembler) =>
        string.Join('\n', assembler.Build().Select(instruction => Convert.ToHexString(BitConverter.GetBytes(instruction))));
}
