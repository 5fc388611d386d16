using System.Diagnostics;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

public sealed class PollWaiterTests
{
    [Fact]
    public void The_time_runs_forward_in_milliseconds()
    {
        using PollWaiter waiter = new();
        long start = waiter.Now;
        Thread.Sleep(30);
        Assert.InRange(waiter.Now - start, 29, 5_000);
    }

    [Fact]
    public void Without_an_event_the_time_ends_the_wait()
    {
        using PollWaiter waiter = new();
        long start = Stopwatch.GetTimestamp();
        Assert.False(waiter.Wait([], null, 40));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalMilliseconds, 39, 5_000);
        Assert.False(waiter.Wait([], null, 0));
    }

    [Fact]
    public void A_wake_before_the_wait_ends_the_next_one_and_only_that()
    {
        using PollWaiter waiter = new();
        waiter.Wake();
        waiter.Wake();
        Assert.True(waiter.Wait([], null, -1));
        Assert.False(waiter.Wait([], null, 0));
    }

    [Fact]
    public void A_wake_from_another_thread_ends_a_wait_without_end()
    {
        using PollWaiter waiter = new();
        Thread thread = new(() =>
        {
            Thread.Sleep(50);
            waiter.Wake();
        });
        thread.Start();
        long start = Stopwatch.GetTimestamp();
        Assert.True(waiter.Wait([], null, -1));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalMilliseconds, 20, 10_000);
        thread.Join();
    }

    [Fact]
    public void A_spin_that_finds_nothing_shrinks_until_the_waiter_sleeps_at_once_and_one_short_gap_brings_it_back()
    {
        // Long enough that the wake-up below falls into it on the slowest machine.
        TimeSpan longest = TimeSpan.FromMilliseconds(200);
        using PollWaiter waiter = new((int)longest.TotalMicroseconds);
        Assert.Equal(longest, waiter.SpinTime);
        Assert.True(waiter.Wait([], null, 1));
        SpinOut(waiter);
        Assert.Equal(longest / 2, waiter.SpinTime);
        for (int i = 0; i < 40; i++)
        {
            SpinOut(waiter);
        }

        Assert.Equal(TimeSpan.Zero, waiter.SpinTime);
        waiter.Wake();
        Assert.True(waiter.Wait([], null, -1));
        Assert.Equal(longest, waiter.SpinTime);
    }

    [Fact]
    public void A_spin_that_finds_something_stays_as_long_as_it_may_be()
    {
        using PollWaiter waiter = new(spinMicroseconds: 100_000);
        SpinOut(waiter);
        Assert.Equal(TimeSpan.FromMilliseconds(50), waiter.SpinTime);
        Assert.True(waiter.Wait([], null, 1));
        waiter.Yield();
        Assert.Equal(TimeSpan.FromMilliseconds(100), waiter.SpinTime);
    }

    [Fact]
    public void A_wait_for_room_to_send_does_not_spin()
    {
        using PollWaiter waiter = new(spinMicroseconds: 1_000_000);
        Assert.False(waiter.Wait([], InMemoryPort.CreatePair().Left, 20));
    }

    private static void SpinOut(PollWaiter waiter)
    {
        while (waiter.Wait([], null, 1))
        {
        }
    }

    [Fact]
    public void Disposed_it_refuses()
    {
        PollWaiter waiter = new();
        waiter.Dispose();
        Assert.Throws<ObjectDisposedException>(waiter.Wake);
        Assert.Throws<ObjectDisposedException>(() => waiter.Wait([], null, 0));
    }

    [Fact]
    public void A_timeout_below_minus_one_is_a_mistake()
    {
        using PollWaiter waiter = new();
        Assert.Throws<ArgumentOutOfRangeException>(() => waiter.Wait([], null, -2));
    }

    [Fact]
    public void Devices_are_ready_when_they_have_a_packet_when_they_can_take_one_and_when_they_are_gone()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = netns.Run(() => TunDevice.Open("tun0", new TunDeviceOptions { Layer = DeviceLayer.IP }));
        netns.Configure("tun0", "10.9.0.1/24");
        using PollWaiter waiter = new();
        IPacketPort[] ports = [device];
        Assert.False(waiter.Wait(ports, null, 0));
        Assert.True(waiter.Wait([], device, 5_000));

        using TestSocket socket = new(netns, "10.9.0.1");
        socket.SendTo([1, 2, 3], "10.9.0.2", 9);
        Assert.True(waiter.Wait(ports, null, 5_000));
        PacketBatch batch = new();
        Assert.Equal(PortResult.Ok, device.Receive(batch));
        Assert.False(waiter.Wait(ports, null, 0));

        netns.Ip("link", "delete", "tun0");
        Assert.True(waiter.Wait(ports, null, 5_000));
        Assert.Equal(PortResult.Gone, device.Receive(batch));
        device.Dispose();
        Assert.False(waiter.Wait(ports, null, 0));
    }

    [Fact]
    public void A_wait_does_not_allocate()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = netns.Run(() => TunDevice.Open("tun0", new TunDeviceOptions { Layer = DeviceLayer.IP }));
        using PollWaiter waiter = new();
        IPacketPort[] ports = [device];
        Allocations.Zero(() =>
        {
            waiter.Wake();
            waiter.Wait(ports, device, 0);
        });
    }
}
