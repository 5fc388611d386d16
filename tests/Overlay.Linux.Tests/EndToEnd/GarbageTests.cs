using System.Diagnostics;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Whatever is thrown at the port is counted, and the daemon lives and rests.</summary>
public sealed class GarbageTests
{
    private const int RandomDatagrams = 10_000;
    private const int RandomFrames = 2_000;
    private const int MaxWaiting = 64 * 1024;

    [Fact]
    public void Empty_short_and_random_datagrams_are_counted_and_nothing_spins()
    {
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap());
        using TestSocket attacker = new(lab.Them, "192.0.2.2");
        for (int length = 0; length < 8; length++)
        {
            // A valid first byte makes the short ones no better.
            attacker.SendTo(new byte[] { 8, 0, 0, 0, 0, 0, 42 }.AsSpan(0, Math.Min(length, 7)), "192.0.2.1", 4789);
        }

        WaitForUnowned(daemon, 8);
        Assert.Equal(8, daemon.Query().GetProperty("drops").GetProperty("truncated").GetInt64());

        Random random = new(4789);
        for (int i = 0; i < RandomDatagrams; i++)
        {
            byte[] datagram = new byte[random.Next(1, 1400)];
            random.NextBytes(datagram);
            Send(lab, attacker, datagram);
        }

        WaitForUnowned(daemon, 8 + RandomDatagrams);

        // Behind a header that is in order the frame is random, in part with an IP header that looks like one.
        for (int i = 0; i < RandomFrames; i++)
        {
            byte[] frame = new byte[random.Next(0, 1400)];
            random.NextBytes(frame);
            if (i % 2 == 0 && frame.Length > 15)
            {
                (frame[12], frame[13], frame[14]) = i % 4 == 0 ? ((byte)0x08, (byte)0x00, (byte)0x45) : ((byte)0x86, (byte)0xDD, (byte)0x60);
            }

            Send(lab, attacker, VtepLab.Vxlan(VtepLab.Vni, frame));
        }

        JsonElement status = default;
        Wait.Until(
            () => OverlayDaemon.Counter(status = daemon.Query(), "vx42", "ingress", "rxPackets") == RandomFrames,
            () => $"not {RandomFrames} frames received: {status}");
        Assert.Equal(RandomFrames, OverlayDaemon.Counter(status, "vx42", "ingress", "txPackets") + OverlayDaemon.Drops(status, "vx42", "ingress"));
        Assert.InRange(OverlayDaemon.Counter(status, "vx42", "ingress", "drops.invalid-source-mac"), RandomFrames / 3, RandomFrames);

        TimeSpan before = daemon.CpuTime();
        long start = Stopwatch.GetTimestamp();
        Thread.Sleep(1000);
        double share = (daemon.CpuTime() - before) / Stopwatch.GetElapsedTime(start);
        Assert.True(share < 0.05, $"Idle, the daemon uses {share:P1} of a CPU.");
        Assert.False(daemon.HasExited);
        Assert.True(TcpTransfer.Run(lab.Us, lab.Them, "10.42.0.2", 1 << 20).IsIntact);
        Assert.DoesNotContain("xception", daemon.Log, StringComparison.Ordinal);
    }

    // Not more than the socket holds: what the kernel drops nobody can count by reason.
    private static void Send(VtepLab lab, TestSocket attacker, byte[] datagram)
    {
        attacker.SendTo(datagram, "192.0.2.1", 4789);
        if (datagram.Length % 16 == 0)
        {
            Wait.Until(() => Kernel.UdpQueue(lab.Us, 4789) <= MaxWaiting, () => "the daemon does not read its port");
        }
    }

    private static void WaitForUnowned(OverlayDaemon daemon, long count) =>
        Wait.Until(() => Unowned(daemon) == count, () => $"{Unowned(daemon)} datagrams counted, not {count}");

    private static long Unowned(OverlayDaemon daemon) => daemon.Query().GetProperty("drops").EnumerateObject().Sum(reason => reason.Value.GetInt64());
}
