namespace Overlay.Forwarding.Subjects;

/// <summary>All that is measured. Who takes part where by default, and is compared with whom, the cases say.</summary>
internal sealed class Catalog
{
    /// <summary>Makes it.</summary>
    /// <param name="repository">The root of the repository.</param>
    /// <param name="output">Where programs are put that must be built first.</param>
    public Catalog(string repository, string output)
    {
        DaemonBuild readyToRun = new(
            repository, output, "overlayd-r2r", "published ReadyToRun", "--self-contained", "false", "-p:PublishReadyToRun=true");
        DaemonBuild ahead = new(
            repository, output, "overlayd-aot", "NativeAOT for this processor", "-p:PublishAot=true", "-p:IlcInstructionSet=native");
        DaemonBuild aheadBaseline = new(repository, output, "overlayd-aot-base", "NativeAOT at baseline", "-p:PublishAot=true");
        CProbeBuild segments = new(repository, output, tunnelGso: false);
        CProbeBuild whole = new(repository, output, tunnelGso: true);

        KernelVxlan kernel = new();
        Overlayd overlayd = new("overlayd");
        Overlayd tunnelGso = new("overlayd-tgso") { Transport = "tunnelGso" };
        CProbe probe = new("c-nice0", segments) { Nice = 0 };
        CProbe probeTunnelGso = new("c-tgso", whole) { Nice = 0 };
        Contestants =
        [
            Same(kernel),
            Same(overlayd),
            Same(new Overlayd("overlayd-nice10") { Nice = 10 }),
            Same(new Overlayd("overlayd-latency") { Options = ["--latency"] }),
            Same(new Overlayd("overlayd-spin0") { Workers = """{ "spinMicroseconds": 0 }""" }),
            Same(tunnelGso),
            Same(new Overlayd("overlayd-r2r") { Build = readyToRun }),
            Same(new Overlayd("overlayd-aot") { Build = ahead }),
            Same(new Overlayd("overlayd-aot-base") { Build = aheadBaseline }),
            Same(new Overlayd("overlayd-ipip") { IsIPInIP = true }),
            Same(new Overlayd("overlayd-ipip-tcx") { IsIPInIP = true, Transport = "tunnelGso" }),
            Same(new Overlayd("overlayd-two") { HasSecondTunnel = true }),
            Same(new Overlayd("overlayd-r2r-two") { HasSecondTunnel = true, Build = readyToRun }),
            Same(new Overlayd("overlayd-aot-two") { HasSecondTunnel = true, Build = ahead }),
            Same(new CProbe("c", segments)),
            Same(probe),
            Same(new CProbe("c-latency", segments) { Nice = 0, SpinMicroseconds = 2500 }),
            Same(probeTunnelGso),
            Same(new OpenVSwitch()),
            Same(new WireGuardGo()),
            new(overlayd, kernel),
            new(probe, kernel),
            new(tunnelGso, kernel),
            new(probeTunnelGso, kernel),
        ];

        static Contestant Same(ISubject subject) => new(subject, subject);
    }

    /// <summary>In the order of the first round.</summary>
    public IReadOnlyList<Contestant> Contestants { get; }
}
