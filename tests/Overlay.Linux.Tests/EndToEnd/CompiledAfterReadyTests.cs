using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>What is compiled and collected in a daemon that says it is ready: nothing that has to do with packets.</summary>
/// <remarks>With nothing beside it: a daemon that lacks the processor warms up less in its time, and compiles the rest later.</remarks>
[Collection(FloodCollection.Name)]
public sealed class CompiledAfterReadyTests
{
    private const int Packets = 10_000;
    private const long StreamBytes = 30_000_000;

    // The runtime may still swap in code of its own; what belongs to the packets would show in every window.
    private const int Windows = 4;

    // Of the questions, which go on being asked. What a packet needs is several hundred.
    private const int Stray = 5;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void After_ready_nothing_is_compiled_or_collected_for_packets(bool warmUp)
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, lab.Tunnel(), warmUp ? null : """{ "warmUp": false }""");
        Assert.InRange(daemon.StartTime, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.DoesNotContain("warm-up", daemon.Log, StringComparison.Ordinal);
        using UdpEcho echo = new(lab.Them, "10.42.0.2");
        using UdpProbe probe = new(lab.Us, echo);
        // The questions are code, too, and must be at their end before what packets cause can be told apart.
        Settle(daemon);
        List<(long Compiled, long Collections)> windows = [];
        do
        {
            (long compiled, long collections) = Counters(daemon);
            probe.Pump(Packets);
            Assert.True(TcpTransfer.Run(lab.Us, lab.Them, "10.42.0.2", StreamBytes).IsIntact);
            Assert.True(TcpTransfer.Run(lab.Them, lab.Us, "10.42.0.1", StreamBytes).IsIntact);
            (long compiledAfter, long collectionsAfter) = Counters(daemon);
            windows.Add((compiledAfter - compiled, collectionsAfter - collections));
        }
        while (warmUp && windows[^1] is not (<= Stray, 0) && windows.Count < Windows);

        if (warmUp)
        {
            Assert.True(windows[^1] is (<= Stray, 0), $"Compiled and collected in each window: {string.Join(", ", windows)}.");
            // Already the first packets find most of their code.
            Assert.InRange(windows[0].Compiled, 0, 100);
        }
        else
        {
            // The counter can fail.
            Assert.InRange(windows[0].Compiled, 300, int.MaxValue);
        }
    }

    private static void Settle(OverlayDaemon daemon)
    {
        int same = 0;
        for (long before = -1; same < 3; Thread.Sleep(300))
        {
            for (int i = 0; i < 40; i++)
            {
                _ = daemon.Query();
            }

            long now = Counters(daemon).Compiled;
            same = now == before ? same + 1 : 0;
            before = now;
        }
    }

    private static (long Compiled, long Collections) Counters(OverlayDaemon daemon)
    {
        JsonElement runtime = daemon.Query().GetProperty("runtime");
        return (runtime.GetProperty("compiledMethods").GetInt64(), runtime.GetProperty("collections").GetInt64());
    }
}
