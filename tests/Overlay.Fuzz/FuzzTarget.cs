namespace Overlay.Fuzz;

/// <summary>A target by its name, with what its inputs are made from.</summary>
/// <param name="Name">For the command line and the names of findings: lower case, words joined by hyphens.</param>
/// <param name="Layers">The seeds that it starts from.</param>
/// <param name="Run"><see cref="IFuzzTarget.Fuzz"/>.</param>
/// <param name="Repair">Makes a changed input right again where nothing wrong would get past the first check.</param>
internal sealed record FuzzTarget(string Name, IReadOnlyList<SeedLayer> Layers, FuzzAction Run, RepairAction? Repair)
{
    /// <summary>The target of a type.</summary>
    public static FuzzTarget Of<T>(string name, params IReadOnlyList<SeedLayer> layers)
        where T : IFuzzTarget => new(name, layers, T.Fuzz, null);

    /// <summary>The target of a type whose inputs are worth a repair.</summary>
    public static FuzzTarget Of<T>(string name, RepairAction repair, params IReadOnlyList<SeedLayer> layers)
        where T : IFuzzTarget => new(name, layers, T.Fuzz, repair);
}

/// <summary><see cref="IFuzzTarget.Fuzz"/> of some type.</summary>
internal delegate void FuzzAction(ReadOnlySpan<byte> input);

/// <summary>Changes an input in place.</summary>
internal delegate void RepairAction(Span<byte> input);
