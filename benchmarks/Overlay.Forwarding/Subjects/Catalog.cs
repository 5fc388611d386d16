namespace Overlay.Forwarding.Subjects;

/// <summary>All that is measured, and what it is compared with.</summary>
internal sealed class Catalog
{
    /// <summary>Makes it.</summary>
    /// <param name="repository">The root of the repository.</param>
    /// <param name="output">Where programs are put that must be built first.</param>
    public Catalog(string repository, string output)
    {
        KernelVxlan kernel = new();
        Overlayd overlayd = new("overlayd");
        CProbe probe = new(repository, output);
        Baselines = [kernel.Name, probe.Name];
        Contestants =
        [
            new(kernel, kernel),
            new(overlayd, overlayd),
            Same(new Overlayd("overlayd-spin50", """{ "spinMicroseconds": 50 }""")),
            new(probe, probe),
            new(overlayd, kernel),
            new(probe, kernel),
        ];

        static Contestant Same(ISubject subject) => new(subject, subject);
    }

    /// <summary>In the order of the first round.</summary>
    public IReadOnlyList<Contestant> Contestants { get; }

    /// <summary>The names of those that the others are compared with.</summary>
    public IReadOnlyList<string> Baselines { get; }
}
