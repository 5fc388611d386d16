namespace Overlay.Fuzz;

/// <summary>The code under test survived an input, and was wrong about it.</summary>
internal sealed class CheckFailedException(string claim) : Exception(claim);
