namespace Overlay.Linux.Bpf;

/// <summary>A place in the program of one <see cref="BpfAssembler"/>.</summary>
/// <param name="Number">The assembler's number for it.</param>
internal readonly record struct BpfLabel(int Number);
