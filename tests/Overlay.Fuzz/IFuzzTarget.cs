namespace Overlay.Fuzz;

/// <summary>Something that must survive any bytes.</summary>
internal interface IFuzzTarget
{
    /// <summary>
    /// Gives the bytes to the code under test, reads whatever comes out, and checks it. It returns for every input; an exception that leaves it is a
    /// finding, and so is a read outside of the bytes, which ends the process, and a call that does not end.
    /// </summary>
    /// <param name="input">The bytes; a page that nobody may touch lies right behind them, or right before them.</param>
    static abstract void Fuzz(ReadOnlySpan<byte> input);
}
