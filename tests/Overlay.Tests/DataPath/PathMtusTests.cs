using Overlay.DataPath;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;

namespace Overlay.Tests.DataPath;

public sealed class PathMtusTests
{
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.2");
    private static readonly ValueIPAddress Other = ValueIPAddress.Parse("192.0.2.3");
    private static readonly ValueIPAddress Remote6 = ValueIPAddress.Parse("2001:db8::2");

    private readonly PathMtus _paths = new(1_500);

    [Fact]
    public void A_remote_that_nothing_is_known_of_has_the_default()
    {
        Assert.Equal(1_500, _paths.Get(Remote));
        int index = _paths.Add(Remote);
        Assert.Equal(1_500, _paths.Get(index));
        Assert.Equal(new PathMtuRow(index, Remote, new PathMtu(1_500, PathMtuSource.Default, 0), 1_500), _paths.Row(index));
        _paths.SetDefault(1_400);
        Assert.Equal(1_400, _paths.Get(Remote));
        Assert.Equal(1_400, _paths.Smallest);
    }

    // RFC 1191 §3 and RFC 8201 §4: at once, and never up (reliability items 71 and 72).
    [Fact]
    [RfcItem(71, "RFC 1191 §3", "A message lowers the path MTU at once, and MUST NOT raise it.")]
    public void Rfc1191_a_message_lowers_at_once_and_never_raises()
    {
        int index = _paths.Add(Remote);
        Assert.True(_paths.Lower(index, 1_400, 1));
        Assert.Equal(new PathMtu(1_400, PathMtuSource.Icmp, 1), _paths.Row(index).Path);
        Assert.False(_paths.Lower(index, 1_401, 2));
        Assert.False(_paths.Lower(index, 9_000, 2));
        Assert.Equal(1_400, _paths.Get(Remote));
        Assert.True(_paths.Lower(index, 1_399, 3));
        Assert.Equal(1_399, _paths.Smallest);
        Assert.Equal(1_500, _paths.Get(Other));
    }

    [Theory]
    [InlineData(0, false, 1_500)]
    [InlineData(67, false, 1_500)]
    [InlineData(68, true, 576)]
    [InlineData(575, true, 576)]
    [InlineData(576, true, 576)]
    [InlineData(577, true, 577)]
    [InlineData(1_499, true, 1_499)]
    [InlineData(1_500, false, 1_500)]
    [InlineData(100_000, false, 1_500)]
    public void S15_what_a_message_may_say_over_IPv4(int said, bool lowers, int holds)
    {
        int index = _paths.Add(Remote);
        Assert.Equal(lowers, _paths.Lower(index, said, 0));
        Assert.Equal(holds, _paths.Get(index));
    }

    [Theory]
    [InlineData(0, false, 1_500)]
    [InlineData(68, false, 1_500)]
    [InlineData(1_279, false, 1_500)]
    [InlineData(1_280, true, 1_280)]
    [InlineData(1_281, true, 1_281)]
    [InlineData(100_000, false, 1_500)]
    public void S15_what_a_message_may_say_over_IPv6(int said, bool lowers, int holds)
    {
        int index = _paths.Add(Remote6);
        Assert.Equal(lowers, _paths.Lower(index, said, 0));
        Assert.Equal(holds, _paths.Get(index));
    }

    [Fact]
    [RfcItem(74, "RFC 1191 §6.3", "A larger MTU MUST NOT be tried sooner than five minutes after a message; ten by default, and infinity must be possible.", Deviation = "A shorter time can be configured.")]
    public void Rfc1191_a_lowered_path_is_tried_again_after_ten_minutes()
    {
        int index = _paths.Add(Remote);
        _paths.SetRoute(index, 1_450, 0);
        _paths.Lower(index, 1_400, 1_000);
        Assert.Equal(0, _paths.Age(600_999));
        Assert.Equal(1_400, _paths.Get(index));
        Assert.Equal(1, _paths.Age(601_000));
        Assert.Equal(new PathMtu(1_450, PathMtuSource.Route, 0), _paths.Row(index).Path);
        Assert.Equal(1_450, _paths.Smallest);
    }

    [Fact]
    public void The_same_message_again_makes_it_last_longer()
    {
        int index = _paths.Add(Remote);
        Assert.True(_paths.Lower(index, 1_400, 0));
        Assert.False(_paths.Lower(index, 1_400, 300_000));
        Assert.Equal(0, _paths.Age(899_999));
        Assert.Equal(1, _paths.Age(900_000));
    }

    [Fact]
    public void Ageing_can_be_switched_off()
    {
        PathMtus paths = new(1_500, new PathMtuOptions { LifetimeMilliseconds = long.MaxValue });
        int index = paths.Add(Remote);
        paths.Lower(index, 1_400, 0);
        Assert.Equal(0, paths.Age(long.MaxValue / 2));
        Assert.Equal(1_400, paths.Get(index));
    }

    [Fact]
    public void The_route_bounds_what_is_learned_and_what_is_probed()
    {
        int index = _paths.Add(Remote);
        _paths.SetRoute(index, 1_400, 5);
        Assert.Equal(new PathMtu(1_400, PathMtuSource.Route, 5), _paths.Row(index).Path);
        _paths.Found(index, 1_450, 6);
        Assert.Equal(1_400, _paths.Get(index));
        _paths.SetRoute(index, 9_000, 7);
        Assert.Equal(new PathMtuRow(index, Remote, new PathMtu(1_450, PathMtuSource.Probe, 6), 9_000), _paths.Row(index));
        _paths.SetConfigured(index, 1_300, 8);
        Assert.Equal(new PathMtu(1_300, PathMtuSource.Configuration, 8), _paths.Row(index).Path);
    }

    // Item 76: a message never raises what probing found; an answered probe is better evidence than a message.
    [Fact]
    public void Rfc8899_an_answered_probe_overrules_an_older_message()
    {
        int index = _paths.Add(Remote);
        _paths.Lower(index, 600, 0);
        _paths.Found(index, 1_450, 1);
        Assert.Equal(new PathMtu(1_450, PathMtuSource.Probe, 1), _paths.Row(index).Path);
        Assert.False(_paths.Lower(index, 1_460, 2));
        Assert.True(_paths.Lower(index, 1_440, 3));
        _paths.BlackHole(index, 1_200, 4);
        Assert.Equal(new PathMtu(1_200, PathMtuSource.Probe, 4), _paths.Row(index).Path);
        _paths.Forget(index);
        Assert.Equal(1_500, _paths.Get(index));
    }

    [Fact]
    public void A_removed_remote_no_longer_counts_and_its_number_is_not_given_away()
    {
        int index = _paths.Add(Remote);
        _paths.Lower(index, 1_300, 0);
        Assert.Equal(1_300, _paths.Smallest);
        Assert.True(_paths.Remove(Remote));
        Assert.False(_paths.Remove(Remote));
        Assert.Equal(1_500, _paths.Smallest);
        Assert.Equal(1_500, _paths.Get(index));
        Assert.NotEqual(index, _paths.Add(Other));
        Assert.Throws<ArgumentOutOfRangeException>(() => _paths.Row(index));
        Assert.Throws<ArgumentOutOfRangeException>(() => _paths.Lower(index, 1_300, 0));
    }

    [Fact]
    public void There_is_a_bound_of_remotes()
    {
        for (int i = 0; i < PathMtus.MaxRemotes; i++)
        {
            Assert.Equal(i, _paths.Add(ValueIPAddress.FromIPv4((uint)(0x0A00_0000 + i))));
        }

        Assert.Equal(-1, _paths.Add(Remote));
        _paths.Remove(ValueIPAddress.FromIPv4(0x0A00_0007));
        Assert.Equal(7, _paths.Add(Remote));
        Assert.Equal(PathMtus.MaxRemotes, _paths.Count);
    }

    // The least of all is kept up without looking at all each time: against one that looks.
    [Fact]
    public void The_smallest_is_the_smallest_through_any_changes()
    {
        Random random = new(17);
        for (int step = 0; step < 20_000; step++)
        {
            ValueIPAddress remote = ValueIPAddress.FromIPv4((uint)(0x0A00_0000 + random.Next(12)));
            int index = _paths.Add(remote);
            int mtu = random.Next(600, 1_600);
            switch (random.Next(7))
            {
                case 0: _paths.SetRoute(index, mtu, step); break;
                case 1: _paths.Lower(index, mtu, step); break;
                case 2: _paths.Found(index, mtu, step); break;
                case 3: _paths.Forget(index); break;
                case 4: _paths.Remove(remote); break;
                case 5: _paths.SetDefault(mtu); break;
                default: _paths.Age(step + 590_000); break;
            }

            IReadOnlyList<PathMtuRow> rows = _paths.Snapshot();
            Assert.Equal(rows.Select(row => row.Path.Mtu).Append(_paths.Default).Min(), _paths.Smallest);
            Assert.All(rows, row => Assert.Equal(row.Path.Mtu, _paths.Get(row.Remote)));
            Assert.All(rows, row => Assert.True(row.Path.Mtu <= row.Bound));
        }
    }

    // RFC 1191 §7.1 (item 73).
    [Theory]
    [InlineData(65_535, 32_000)]
    [InlineData(1_500, 1_492)]
    [InlineData(1_492, 1_006)]
    [InlineData(1_006, 508)]
    [InlineData(296, 68)]
    [InlineData(68, 68)]
    [InlineData(20, 68)]
    [RfcItem(73, "RFC 1191 §7.1", "Where a router says 0, the next smaller of the usual MTUs is tried.")]
    public void Rfc1191_a_router_that_does_not_say_its_MTU_has_the_next_plateau_tried(int length, int next) => Assert.Equal(next, PathMtus.BelowPlateau(length));

    [Fact]
    public void Reading_allocates_nothing()
    {
        int index = _paths.Add(Remote);
        _paths.SetRoute(index, 1_400, 0);
        Allocations.Zero(() =>
        {
            Assert.True(_paths.TryGetIndex(Remote, out int found) && _paths.Get(found) + _paths.Smallest + _paths.Get(Other) == 4_300);
        });
    }

    [Fact]
    public void Readers_see_one_of_the_values_that_were_set()
    {
        using CancellationTokenSource stop = new();
        int seen = 0;
        bool wrong = false;
        Thread reader = new(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                int mtu = _paths.Get(Remote);
                wrong |= mtu is not (1_500 or 1_400 or 1_300);
                seen++;
            }
        });
        reader.Start();
        for (int i = 0; i < 20_000; i++)
        {
            int index = _paths.Add(Remote);
            _paths.SetRoute(index, 1_400, i);
            _ = _paths.Add(ValueIPAddress.FromIPv4((uint)i));
            _paths.Lower(index, 1_300, i);
            _paths.Remove(Remote);
        }

        stop.Cancel();
        reader.Join();
        Assert.True(seen > 0);
        Assert.False(wrong);
    }
}
