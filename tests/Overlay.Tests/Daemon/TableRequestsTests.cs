using Overlay.Daemon.Control;
using Overlay.Daemon.DataPlane;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>The queue before the one writer of the tables.</summary>
public sealed class TableRequestsTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Changes_are_made_in_the_order_they_came_on_the_thread_that_serves()
    {
        TableRequests requests = new(Long);
        List<(int, int)> made = [];
        Task<int>[] changes = [.. Enumerable.Range(0, TableRequests.Capacity).Select(i => requests.RunAsync(() =>
        {
            made.Add((i, Environment.CurrentManagedThreadId));
            return i * i;
        }))];
        Assert.All(changes, change => Assert.False(change.IsCompleted));
        int thread = Environment.CurrentManagedThreadId;
        requests.Serve();
        Assert.Equal(Enumerable.Range(0, TableRequests.Capacity).Select(i => (i, thread)), made);
        Assert.Equal(Enumerable.Range(0, TableRequests.Capacity).Select(i => i * i), await Task.WhenAll(changes));
        Assert.False(requests.Any);
    }

    [Fact]
    public async Task What_a_change_throws_is_its_own_and_the_next_one_is_made()
    {
        TableRequests requests = new(Long);
        Task<int> bad = requests.RunAsync<int>(() => throw new ControlRefusedException("no such entry"));
        Task<int> good = requests.RunAsync(() => 7);
        requests.Serve();
        Assert.Equal("no such entry", (await Assert.ThrowsAsync<ControlRefusedException>(() => bad)).Message);
        Assert.Equal(7, await good);
    }

    [Fact]
    public async Task A_full_queue_refuses_at_once()
    {
        TableRequests requests = new(Long);
        Task<int>[] waiting = [.. Enumerable.Range(0, TableRequests.Capacity).Select(i => requests.RunAsync(() => i))];
        ControlRefusedException e = await Assert.ThrowsAsync<ControlRefusedException>(() => requests.RunAsync(() => -1));
        Assert.Equal(("64 changes wait for the writer of the tables already, and nothing was changed; try again", ControlFault.Busy), (e.Message, e.Fault));
        requests.Serve();
        await Task.WhenAll(waiting);
        Task<int> again = requests.RunAsync(() => 1);
        requests.Serve();
        Assert.Equal(1, await again);
    }

    [Fact]
    public async Task A_change_that_is_given_up_is_not_made_later()
    {
        TableRequests requests = new(TimeSpan.FromMilliseconds(20));
        bool made = false;
        ControlRefusedException e = await Assert.ThrowsAsync<ControlRefusedException>(() => requests.RunAsync(() => made = true));
        Assert.Equal(
            ("the writer of the tables did not come to the change within 0.02 s; nothing was changed, try again", ControlFault.Busy), (e.Message, e.Fault));
        requests.Serve();
        Assert.False(made);
    }

    [Fact]
    public async Task A_change_that_takes_too_long_is_said_to_be_under_way()
    {
        TableRequests requests = new(TimeSpan.FromMilliseconds(20));
        using ManualResetEventSlim begun = new();
        using ManualResetEventSlim go = new();
        Task<int> change = requests.RunAsync(() =>
        {
            begun.Set();
            go.Wait(Long);
            return 1;
        });
        Thread writer = new(requests.Serve);
        writer.Start();
        Assert.True(begun.Wait(Long, TestContext.Current.CancellationToken));
        ControlRefusedException e = await Assert.ThrowsAsync<ControlRefusedException>(() => change);
        Assert.Equal("the writer of the tables has begun the change, but is not done after 0.04 s; it will be made, and 'show' tells when", e.Message);
        go.Set();
        writer.Join();
    }

    [Fact]
    public async Task Closing_gives_up_what_waits_and_takes_no_more()
    {
        TableRequests requests = new(Long);
        Task<int> waiting = requests.RunAsync(() => 1);
        requests.Close();
        Assert.Equal("overlayd is stopping; nothing was changed", (await Assert.ThrowsAsync<ControlRefusedException>(() => waiting)).Message);
        Assert.Equal("overlayd is stopping; nothing was changed", (await Assert.ThrowsAsync<ControlRefusedException>(() => requests.RunAsync(() => 1))).Message);
        requests.Serve();
    }
}
