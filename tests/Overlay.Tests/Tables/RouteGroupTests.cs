using CsCheck;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

public sealed class RouteGroupTests
{
    // A flow of each bucket.
    private static readonly uint[] Flows = [.. Enumerable.Range(0, 100_000).Select(i => (uint)i).DistinctBy(RouteGroup.BucketOf).OrderBy(RouteGroup.BucketOf)];
    private static readonly Gen<int[]> Weights = Gen.Int[1, RouteGroup.MaxWeight].Array[2, 40];

    [Fact]
    public void Only_the_flows_of_a_remote_that_leaves_move() => Gen.Select(Weights, Gen.Int[0, 39]).Sample((weights, pick) =>
    {
        RouteMember[] members = Members(weights);
        int leaver = pick % members.Length;
        RouteGroup before = new(members);
        RouteGroup after = before.WithMembers(members.Where((_, i) => i != leaver));
        for (int bucket = 0; bucket < RouteGroup.BucketCount; bucket++)
        {
            uint flow = FlowOf(bucket);
            RouteEntry was = before.Select(flow);
            Assert.True(was == members[leaver].Entry ? after.Select(flow) != was : after.Select(flow) == was);
        }

        AssertFair(after);
    });

    [Fact]
    public void A_remote_that_comes_takes_its_share_and_nobody_else_gets_a_flow() => Gen.Select(Weights, Gen.Int[1, RouteGroup.MaxWeight]).Sample((weights, weight) =>
    {
        RouteGroup before = new(Members(weights));
        RouteMember comer = new(new RouteEntry(Remote(5_000)), weight);
        RouteGroup after = before.WithMembers([.. before.Members, comer]);
        for (int bucket = 0; bucket < RouteGroup.BucketCount; bucket++)
        {
            uint flow = FlowOf(bucket);
            Assert.True(after.Select(flow) == before.Select(flow) || after.Select(flow) == comer.Entry);
        }

        AssertFair(after);
    });

    [Fact]
    public void Any_history_of_members_and_weights_stays_fair() => Weights.Array[2, 6].Sample(history =>
    {
        RouteGroup group = new(Members(history[0]));
        AssertFair(group);
        foreach (int[] weights in history.Skip(1))
        {
            group = group.WithMembers(Members(weights));
            AssertFair(group);
            Assert.Equal(group, group.WithMembers(group.Members));
        }
    }, iter: 30);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(128)]
    public void Remotes_of_equal_weight_differ_by_one_bucket_at_most(int count)
    {
        Dictionary<RouteEntry, int> buckets = Count(new RouteGroup(Members([.. Enumerable.Repeat(1, count)])));
        Assert.Equal(count, buckets.Count);
        Assert.InRange(buckets.Values.Max() - buckets.Values.Min(), 0, 1);
    }

    [Fact]
    public void Groups_that_send_every_flow_the_same_way_are_equal()
    {
        RouteGroup one = new(Members([1, 2, 3]));
        RouteGroup same = new(Members([1, 2, 3]));
        Assert.Equal(one, same);
        Assert.Equal(one.GetHashCode(), same.GetHashCode());
        Assert.NotEqual(one, new RouteGroup(Members([1, 2, 4])));
        Assert.NotEqual(one, one.WithMembers(Members([1, 2])).WithMembers(Members([1, 2, 3])).WithMembers(Members([1, 2, 3, 4])));
    }

    [Fact]
    public void Mistakes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new RouteGroup([]));
        Assert.Throws<ArgumentException>(() => new RouteGroup(Members([.. Enumerable.Repeat(1, RouteGroup.MaxMembers + 1)])));
        Assert.Throws<ArgumentException>(() => new RouteGroup([.. Members([1]), .. Members([2])]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RouteGroup(Members([0])));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RouteGroup(Members([RouteGroup.MaxWeight + 1])));
    }

    [Fact]
    public void Selecting_allocates_nothing()
    {
        RouteGroup group = new(Members([1, 2, 3]));
        int chosen = 0;
        Allocations.Zero(() =>
        {
            for (uint flow = 0; flow < 1_000; flow++)
            {
                chosen += group.Select(flow).Remote == Remote(1) ? 1 : 0;
            }
        });
        Assert.True(chosen > 0);
    }

    private static RouteMember[] Members(int[] weights) => [.. weights.Select((weight, i) => new RouteMember(new RouteEntry(Remote((uint)i)), weight))];

    private static Dictionary<RouteEntry, int> Count(RouteGroup group) => Enumerable.Range(0, RouteGroup.BucketCount)
        .GroupBy(bucket => group.Select(FlowOf(bucket))).ToDictionary(flows => flows.Key, flows => flows.Count());

    private static uint FlowOf(int bucket) => Flows[bucket];

    /// <summary>What the documentation promises: nobody has less than his share, rounded down.</summary>
    private static void AssertFair(RouteGroup group)
    {
        Dictionary<RouteEntry, int> buckets = Count(group);
        int sum = group.Members.Sum(member => member.Weight);
        Assert.All(group.Members, member =>
            Assert.True(buckets.GetValueOrDefault(member.Entry) >= (long)RouteGroup.BucketCount * member.Weight / sum));
    }
}
