namespace Overlay.Forwarding.Subjects;

/// <summary>Two ends that make one tunnel: a row of the tables.</summary>
/// <param name="Here">The end of host 1, which sends unless a case says otherwise.</param>
/// <param name="There">The end of host 2.</param>
internal sealed record Contestant(ISubject Here, ISubject There)
{
    /// <summary>Whether its ends are of different kinds; such a one takes part only in the cases about that.</summary>
    public bool IsMixed => !ReferenceEquals(Here, There);

    /// <summary>The name of its subject, or of both.</summary>
    public string Name => IsMixed ? $"{Here.Name}+{There.Name}" : Here.Name;

    /// <summary>What it is, in one line.</summary>
    public string Describe() => IsMixed ? $"{Here.Describe()}, and at the other end {There.Describe()}" : Here.Describe();
}
