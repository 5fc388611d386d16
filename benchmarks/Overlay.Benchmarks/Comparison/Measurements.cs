namespace Overlay.Benchmarks.Comparison;

/// <summary>All that was measured, to be looked up.</summary>
internal sealed class Measurements(IReadOnlyList<Measurement> all)
{
    /// <summary>The least number of iterations of any benchmark; 0 without one.</summary>
    public int Iterations => all.Select(measurement => measurement.Nanoseconds.Count).DefaultIfEmpty().Min();

    /// <summary>All of one method, in the order in which they ran.</summary>
    public IEnumerable<Measurement> Of(Type type, string method) => all.Where(measurement => measurement.Type == type && measurement.Method == method);

    /// <summary>The one with these parameters; null if it was not measured.</summary>
    public Measurement? Find(Type type, string method, params (string Name, object Value)[] parameters) => Of(type, method).FirstOrDefault(measurement =>
        parameters.All(parameter => measurement.Parameters.TryGetValue(parameter.Name, out object? value) && parameter.Value.Equals(value)));
}
