using CsCheck;
using Overlay.DataPath;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>Random paths that lose packets, have round trips of up to a quarter of a second, and change their MTU: what comes out of probing them.</summary>
public sealed class PathProberModelTests
{
    // How long packets of a size that does not pass may be sent while they flow (issue: five seconds), with the longest round trip here on top.
    private const long MostBlackHole = 5_000;

    private static readonly Gen<(int Link, int First, int Second, int RoundTrip, int Loss, int Seed, bool IsIPv4)> Paths = Gen.Select(
        Gen.OneOf(Gen.Const(1_500), Gen.Const(9_000), Gen.Int[1_300, 65_535]),
        Gen.Int[0, 1_000], Gen.Int[0, 1_000], Gen.Int[1, 250], Gen.Int[0, 30], Gen.Int, Gen.Bool,
        (link, first, second, roundTrip, loss, seed, isIPv4) =>
        {
            int least = isIPv4 ? 576 : 1_280;
            return (link, least + ((link - least) * first / 1_000), least + ((link - least) * second / 1_000), roundTrip, loss, seed, isIPv4);
        });

    [Fact]
    public void The_exact_size_is_found_within_thirty_seconds_before_and_after_the_path_shrinks() =>
        Paths.Sample(
            path =>
            {
                int first = Math.Max(path.First, path.Second);
                int second = Math.Min(path.First, path.Second);
                PathProberRig rig = new(path.Link, first, isIPv4: path.IsIPv4) { RoundTrip = path.RoundTrip };
                rig.RunUntil(() => rig.Size == first && IsDone(rig), 30_000);
                rig.Run(path.Seed & 0x3FF);
                rig.Truth = second;
                rig.RunUntil(() => rig.Size <= second, MostBlackHole + (4 * path.RoundTrip));
                rig.RunUntil(() => rig.Size == second && IsDone(rig), 25_000);
            },
            iter: 300,
            seed: "0N0XIzNsQ0O2");

    [Fact]
    public void What_is_told_never_exceeds_the_truth_for_long_and_is_exact_in_the_end_however_much_is_lost() =>
        Paths.Sample(
            path =>
            {
                Random random = new(path.Seed);
                PathProberRig rig = new(path.Link, path.First, new PathProberOptions { RaiseTimer = 20_000 }, path.IsIPv4)
                {
                    RoundTrip = path.RoundTrip,
                    IsLost = _ => random.Next(100) < path.Loss,
                };
                rig.Run(120_000);
                rig.Truth = path.Second;
                long changed = rig.Now;
                long above = 0;
                while (rig.Now - changed < 240_000)
                {
                    rig.Run(50);
                    above += rig.Size > rig.Truth ? 50 : 0;
                }

                // Losses may hide an answer for a while: then the remote counts as away, and it takes another round.
                Assert.True(above <= MostBlackHole + (4 * path.RoundTrip) + (path.Loss * 1_000), $"{above} ms above the truth");
                Assert.True(rig.Size <= rig.Truth, $"{rig.Size} > {rig.Truth}");

                // With the losses over, the next search for more finds what they hid.
                rig.IsLost = _ => false;
                rig.RunUntil(() => rig.Size == rig.Truth && IsDone(rig), 90_000);
            },
            iter: 200,
            seed: "0N0XIzNsQ0O2");

    [Fact]
    public void Losses_that_do_not_hit_one_size_three_times_hide_nothing() =>
        Paths.Sample(
            path =>
            {
                Random random = new(path.Seed);
                Dictionary<int, int> inRow = [];
                PathProberRig rig = new(path.Link, path.First, isIPv4: path.IsIPv4)
                {
                    RoundTrip = path.RoundTrip,
                    IsLost = size =>
                    {
                        bool lost = inRow.GetValueOrDefault(size) < 2 && random.Next(100) < path.Loss;
                        inRow[size] = lost ? inRow.GetValueOrDefault(size) + 1 : 0;
                        return lost;
                    },
                };
                rig.RunUntil(() => rig.Size == path.First && IsDone(rig), 120_000);
            },
            iter: 300,
            seed: "0N0XIzNsQ0O2");

    private static bool IsDone(PathProberRig rig) => rig.Status is { State: PathProbeState.SearchComplete } or { State: PathProbeState.Error, Cause: PathProbeCause.SizeFound };
}
