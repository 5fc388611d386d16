namespace Overlay.Testing.Conformance;

/// <summary>Says of a test which rule of an RFC it proves. docs/conformance.md is made of these.</summary>
/// <param name="item">The number of the rule in the checklist, 1 to 99: tests of one item stand together.</param>
/// <param name="section">Where the rule stands: <c>RFC 7348 §5</c>.</param>
/// <param name="rule">The rule in one sentence, with its MUST or SHOULD.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RfcItemAttribute(int item, string section, string rule) : Attribute
{
    /// <summary>The number of the rule in the checklist.</summary>
    public int Item { get; } = item;

    /// <summary>Where the rule stands.</summary>
    public string Section { get; } = section;

    /// <summary>The rule.</summary>
    public string Rule { get; } = rule;

    /// <summary>What is done otherwise on purpose, by default or always, and why; null if nothing is.</summary>
    public string? Deviation { get; init; }
}
