using System.Reflection;

namespace Overlay.Testing.Conformance;

/// <summary>A test and the rule that it proves.</summary>
/// <param name="Item">The number of the rule.</param>
/// <param name="Section">Where the rule stands.</param>
/// <param name="Rule">The rule.</param>
/// <param name="Type">The full name of the test's class.</param>
/// <param name="Method">The name of the test.</param>
/// <param name="Deviation">What is done otherwise on purpose and why; empty if nothing is.</param>
public sealed record ConformanceRow(int Item, string Section, string Rule, string Type, string Method, string Deviation)
{
    /// <summary>The tests of an assembly that prove a rule, by item and name.</summary>
    public static IReadOnlyList<ConformanceRow> Of(Assembly assembly)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        return Sort(
            from type in assembly.GetTypes()
            from method in type.GetMethods(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly)
            let attribute = method.GetCustomAttribute<RfcItemAttribute>()
            where attribute is not null
            select new ConformanceRow(attribute.Item, attribute.Section, attribute.Rule, type.FullName!, method.Name, attribute.Deviation ?? ""));
    }

    /// <summary>Rows as the document has them.</summary>
    public static IReadOnlyList<ConformanceRow> Sort(IEnumerable<ConformanceRow> rows) =>
        [.. rows.OrderBy(row => row.Item).ThenBy(row => row.Type, StringComparer.Ordinal).ThenBy(row => row.Method, StringComparer.Ordinal)];
}
