using System.Net.Sockets;
using Overlay.Demo.Cases;
using Overlay.Demo.Hosts;
using Overlay.Demo.Picture;
using Overlay.Demo.Report;

namespace Overlay.Demo;

/// <summary>The whole demo: all cases, one after the other, then the picture of a frame.</summary>
/// <param name="options">The command line.</param>
/// <param name="narrator">Is told each step.</param>
/// <param name="cancellation">Ends it; what was made is removed first.</param>
internal sealed class DemoRun(DemoOptions options, Narrator narrator, CancellationToken cancellation)
{
    /// <summary>Runs it.</summary>
    /// <exception cref="OperationCanceledException">It was interrupted.</exception>
    public DemoReport Run()
    {
        LetDaemonsFindTheRuntime();
        if (Machine.FindObstacle() is string obstacle)
        {
            return new DemoReport(Machine.Kernel, [.. TunnelCase.All.Select(tunnelCase => NotRun(tunnelCase, obstacle))], null) { Obstacle = obstacle };
        }

        List<CaseResult> results = [];
        foreach (TunnelCase tunnelCase in TunnelCase.All)
        {
            cancellation.ThrowIfCancellationRequested();
            narrator.Heading($"{results.Count + 1}. {tunnelCase.Title}");
            results.Add(new CaseRun(tunnelCase, options.PcapDirectory, narrator, cancellation).Run());
        }

        return new DemoReport(Machine.Kernel, results, ShowFrame(results));
    }

    // overlayd is started by its own name, not by "dotnet": where the runtime is not in its usual place it has to be told.
    private static void LetDaemonsFindTheRuntime()
    {
        const string Variable = "DOTNET_ROOT";
        if (Environment.GetEnvironmentVariable(Variable) is null)
        {
            // …/shared/Microsoft.NETCore.App/10.0.0/
            string runtime = Path.TrimEndingDirectorySeparator(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory());
            Environment.SetEnvironmentVariable(Variable, Path.GetFullPath(Path.Combine(runtime, "..", "..", "..")));
        }
    }

    private static CaseResult NotRun(TunnelCase tunnelCase, string why) =>
        new() { Case = tunnelCase.Name, Peer = tunnelCase.PeerName, Available = false, Unavailable = why };

    // From the first VXLAN case over IPv4 that went well: with the kernel as the peer, if it can be.
    private CapturedFrame? ShowFrame(List<CaseResult> results)
    {
        TunnelCase? chosen = TunnelCase.All.FirstOrDefault(tunnelCase => tunnelCase is { Kind: TunnelKind.Vxlan, Underlay: AddressFamily.InterNetwork } &&
            results.Exists(result => result.Case == tunnelCase.Name && result.Passed));
        if (chosen is null)
        {
            return null;
        }

        cancellation.ThrowIfCancellationRequested();
        try
        {
            using Lab lab = Lab.Create(chosen);
            byte[] frame = FrameCatcher.Catch(lab, cancellation);
            PacketPicture picture = PacketPicture.Of(frame);
            narrator.Heading($"{results.Count + 1}. A ping in VXLAN, as it left for {chosen.PeerName}: {frame.Length} bytes on the cable");
            narrator.Text(picture.ToString());
            return new CapturedFrame(chosen.Name, Convert.ToHexStringLower(frame), picture.Intact, picture.Layers);
        }
        catch (Exception exception) when (Machine.IsFailure(exception))
        {
            cancellation.ThrowIfCancellationRequested();
            return new CapturedFrame(chosen.Name, "", Intact: false, []) { Failure = Machine.Explain(exception) };
        }
    }
}
