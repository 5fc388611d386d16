using Overlay.DataPath;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;
using static Overlay.DataPath.PathProbeCause;
using static Overlay.DataPath.PathProbeState;

namespace Overlay.Tests.DataPath;

/// <summary>The state machine of RFC 8899 §5.2: each arrow of its Figure 5 by the words that stand there, and what the figure leaves out.</summary>
public sealed class PathProberTests
{
    [Fact]
    public void Without_traffic_nothing_is_sent()
    {
        PathProberRig rig = new(1_500, 1_500) { Traffic = false };
        rig.Run(100_000);
        Assert.Empty(rig.Probes);
        Assert.Equal(Disabled, rig.State);
        Assert.Equal(long.MaxValue, rig.Prober.NextDue);
    }

    [Fact]
    [RfcItem(76, "RFC 8899 §5.1.2", "A BASE_PLPMTU of 1200 bytes is RECOMMENDED over IPv4.")]
    public void Disabled_to_base_when_the_PL_indicates_connectivity_and_the_base_size_goes_out_at_once()
    {
        PathProberRig rig = new(1_500, 1_500);
        rig.Run(5);
        Assert.Equal((Base, Connectivity), rig.Entered[0]);
        Assert.Equal(1_200, Assert.Single(rig.Probes).Probe.Size);
    }

    [Fact]
    public void Base_to_searching_when_the_base_probe_is_acked_and_to_complete_when_the_largest_is()
    {
        PathProberRig rig = new(1_500, 1_500);
        rig.Run(200);
        Assert.Equal([(Base, Connectivity), (Searching, BaseAnswered), (SearchComplete, SizeFound)], rig.Entered);
        Assert.Equal([1_200, 1_500], rig.Probes.Select(p => p.Probe.Size));
        Assert.Equal(1_500, Assert.Single(rig.Told).Size);
    }

    [Fact]
    public void Base_stays_base_until_max_probes_and_then_is_an_error()
    {
        PathProberRig rig = new(1_500, 0);
        rig.Run(2_900);
        Assert.Equal(Base, rig.State);
        Assert.Equal(3, rig.Probes.Count);
        Assert.All(rig.Probes, p => Assert.Equal(1_200, p.Probe.Size));
        rig.Run(200);
        Assert.Equal((Error, BaseUnanswered), rig.Entered[^1]);
    }

    [Fact]
    public void Error_to_disabled_when_the_least_size_is_not_answered_either_and_nothing_is_told_of_a_remote_that_never_answered()
    {
        PathProberRig rig = new(1_500, 0);
        rig.RunUntil(() => rig.State == Disabled && rig.Entered.Count > 1, 15_000);
        Assert.Equal((Disabled, NoAnswer), rig.Entered[^1]);
        Assert.Equal([576, 1_200], rig.Probes.Select(p => p.Probe.Size).Distinct().Order());
        Assert.Empty(rig.Told);
        Assert.False(rig.Status.HasAnswered);
    }

    [Fact]
    public void A_remote_that_answers_nothing_is_asked_ever_less_often()
    {
        PathProberRig rig = new(1_500, 0);
        rig.Run(3_600_000);
        int rounds = rig.Entered.Count(e => e == (Base, Connectivity));
        // 60 s, 120, 240, 480 and then 600: about nine in an hour.
        Assert.InRange(rounds, 7, 10);
        Assert.True(rig.Probes.Count < 100, $"{rig.Probes.Count} probes");
    }

    [Fact]
    public void A_remote_that_sends_a_probe_is_asked_at_once()
    {
        PathProberRig rig = new(1_500, 0);
        rig.RunUntil(() => rig.State == Disabled && rig.Entered.Count > 1, 15_000);
        rig.Run(5_000);
        rig.Truth = 1_500;
        rig.Prober.Hear(PathProberRig.Remote, rig.Now);
        rig.Run(200);
        Assert.Equal(SearchComplete, rig.State);
        Assert.Equal(1_500, rig.Size);
    }

    [Fact]
    public void Error_to_searching_when_a_base_probe_is_acked()
    {
        PathProberRig rig = new(1_500, 0);
        rig.RunUntil(() => rig.State == Error, 5_000);
        rig.Truth = 1_500;
        rig.RunUntil(() => rig.State == SearchComplete, 5_000);
        Assert.Contains((Searching, BaseAnswered), rig.Entered);
        Assert.Equal(1_500, rig.Size);
    }

    [Fact]
    public void A_path_below_the_base_size_is_an_error_whose_size_is_found_all_the_same()
    {
        PathProberRig rig = new(1_500, 1_006);
        rig.RunUntil(() => rig.Size == 1_006 && rig.Status.Cause == SizeFound, 30_000);
        Assert.Equal((Error, SizeFound), rig.Entered[^1]);
        Assert.Equal(-576, rig.Told[0].Size);
        Assert.Equal(1_006, rig.Told[^1].Size);
    }

    [Fact]
    [RfcItem(76, "RFC 8899 §5.1.2", "Over IPv6 no size below 1280 bytes is probed.")]
    public void Over_IPv6_base_and_least_size_are_1280()
    {
        PathProberRig rig = new(1_500, 0, isIPv4: false);
        rig.Run(20_000);
        Assert.All(rig.Probes, p => Assert.Equal(1_280, p.Probe.Size));
        Assert.Contains((Disabled, NoAnswer), rig.Entered);
        rig = new(1_500, 1_280, isIPv4: false);
        rig.RunUntil(() => rig.State == SearchComplete, 30_000);
        Assert.Equal(1_280, rig.Size);
    }

    [Fact]
    public void Searching_to_complete_after_max_probes_of_the_next_size()
    {
        PathProberRig rig = new(1_500, 1_450);
        long took = rig.RunUntil(() => rig.State == SearchComplete, 30_000);
        Assert.Equal(1_450, rig.Size);
        Assert.Equal(3, rig.Probes.Count(p => p.Probe.Size == 1_451));
        Assert.InRange(took, 3_000, 4_000);
    }

    [Fact]
    public void Complete_confirms_while_packets_flow_and_not_when_they_do_not()
    {
        PathProberRig rig = new(1_500, 1_500);
        rig.Run(500);
        int before = rig.Probes.Count;
        rig.Run(10_000);
        Assert.InRange(rig.Probes.Count - before, 9, 11);
        Assert.All(rig.Probes.Skip(before), p => Assert.Equal(1_500, p.Probe.Size));
        rig.Traffic = false;
        rig.Run(2_000);
        before = rig.Probes.Count;
        rig.Run(3_600_000);
        Assert.Equal(before, rig.Probes.Count);
        Assert.Equal((SearchComplete, 1_500), (rig.State, rig.Size));
    }

    [Fact]
    public void Complete_stays_complete_when_a_confirmation_is_lost_and_its_repetition_is_not()
    {
        PathProberRig rig = new(1_500, 1_500);
        rig.Run(500);
        int losses = 2;
        rig.IsLost = size => size == 1_500 && losses-- > 0;
        rig.Run(20_000);
        Assert.True(losses < 0);
        Assert.Equal(3, rig.Entered.Count);
        Assert.Single(rig.Told);
        Assert.Equal((SearchComplete, 1_500), (rig.State, rig.Size));
    }

    [Theory]
    [InlineData(1_500, 1_400)]
    [InlineData(1_500, 1_301)]
    [InlineData(9_000, 1_500)]
    [InlineData(9_000, 8_999)]
    [InlineData(9_000, 5_555)]
    [InlineData(65_535, 1_201)]
    [InlineData(1_500, 700)]
    public void Black_hole_detected_in_complete_a_working_size_within_five_seconds_and_the_exact_one_within_thirty(int before, int after)
    {
        PathProberRig rig = new(before, before);
        rig.Run(2_345);
        Assert.Equal(SearchComplete, rig.State);
        rig.Truth = after;
        long working = rig.RunUntil(() => rig.Size <= after, 5_000);
        Assert.Contains((Base, BlackHole), rig.Entered);
        Assert.True(rig.Told[^1].Size is int told && Math.Abs(told) <= after);
        long exact = working + rig.RunUntil(() => rig.Size == after && rig.State is SearchComplete or Error, 30_000 - working);
        Assert.InRange(exact, 2_000, 30_000);
        // What is told goes down to a size that passes, and from there only up.
        int[] sizes = [.. rig.Told.Skip(1).Select(t => Math.Abs(t.Size))];
        Assert.Equal(sizes.Order(), sizes);
    }

    [Fact]
    public void The_repetitions_of_a_confirmation_are_used_to_find_out_what_passes()
    {
        PathProberRig rig = new(1_500, 1_500);
        rig.Run(2_345);
        rig.Truth = 1_433;
        rig.RunUntil(() => rig.Size != 1_500, 5_000);
        Assert.Equal(-1_433, rig.Told[^1].Size);
    }

    [Fact]
    public void Black_hole_detected_while_searching_for_more()
    {
        PathProberRig rig = new(9_000, 1_500, new PathProberOptions { RaiseTimer = 5_000 });
        rig.RunUntil(() => rig.State == SearchComplete, 10_000);
        rig.RunUntil(() => rig.Entered[^1] == (Searching, RaiseTimer), 10_000);
        rig.Truth = 1_400;
        rig.RunUntil(() => rig.Size <= 1_400, 5_000);
        int hole = rig.Entered.IndexOf((Base, BlackHole));
        Assert.Equal((Searching, RaiseTimer), rig.Entered[hole - 1]);
        Assert.Equal((Searching, BaseAnswered), rig.Entered[hole + 1]);
        rig.RunUntil(() => rig.Size == 1_400 && rig.State == SearchComplete, 10_000);
    }

    [Fact]
    public void A_remote_that_is_away_keeps_its_size_and_is_asked_again_soon()
    {
        PathProberRig rig = new(1_500, 1_450);
        rig.RunUntil(() => rig.State == SearchComplete, 10_000);
        rig.Truth = 0;
        rig.RunUntil(() => rig.State == Disabled, 20_000);
        Assert.Equal([(Base, BlackHole), (Error, BaseUnanswered), (Disabled, NoAnswer)], rig.Entered.TakeLast(3));
        Assert.Equal([1_450], rig.Told.Select(t => t.Size));
        Assert.Equal(1_450, rig.Size);
        rig.Truth = 1_450;
        rig.RunUntil(() => rig.State == SearchComplete, 10_000);
        Assert.Equal(1_450, rig.Size);
    }

    [Fact]
    public void A_remote_that_stays_away_is_forgotten()
    {
        PathProberRig rig = new(1_500, 1_450);
        rig.RunUntil(() => rig.State == SearchComplete, 10_000);
        rig.Truth = 0;
        rig.Run(700_000);
        Assert.Equal([1_450, 0], rig.Told.Select(t => t.Size));
        Assert.Equal(0, rig.Size);
    }

    [Fact]
    public void Complete_to_searching_when_the_raise_timer_expires()
    {
        PathProberRig rig = new(1_500, 1_400);
        rig.RunUntil(() => rig.State == SearchComplete, 10_000);
        rig.Truth = 1_460;
        rig.Run(590_000);
        Assert.Equal(1_400, rig.Size);
        rig.RunUntil(() => rig.Size == 1_460, 20_000);
        Assert.Contains((Searching, RaiseTimer), rig.Entered);
        Assert.Equal(1_400, rig.Told[0].Size);
        Assert.Equal(rig.Told.Select(t => t.Size).Order(), rig.Told.Select(t => t.Size));
    }

    [Fact]
    public void A_link_that_grows_is_reason_enough_to_search()
    {
        PathProberRig rig = new(1_500, 9_000);
        rig.Run(500);
        rig.Prober.Set(PathProberRig.Remote, true, 9_000, rig.Now);
        rig.RunUntil(() => rig.Size == 9_000, 1_000);
        rig.Prober.Set(PathProberRig.Remote, true, 1_400, rig.Now);
        Assert.Equal(1_400, rig.Size);
        Assert.Equal([1_500, 9_000, 1_400], rig.Told.Select(t => t.Size));
    }

    [Theory]
    [InlineData(1_500)]
    [InlineData(1_200)]
    [InlineData(9_000)]
    [RfcItem(76, "RFC 8899 §5.1.2", "No probe is larger than the link's MTU (MAX_PLPMTU).")]
    public void No_probe_is_larger_than_the_link(int link)
    {
        PathProberRig rig = new(link, 65_535, new PathProberOptions { RaiseTimer = 5_000 });
        rig.Run(60_000);
        Assert.Equal(link, rig.Size);
        Assert.All(rig.Probes, p => Assert.InRange(p.Probe.Size, 576, link));
        int before = rig.Probes.Count;
        rig.Prober.Set(PathProberRig.Remote, true, link - 100, rig.Now);
        rig.Run(60_000);
        Assert.True(rig.Probes.Count > before);
        Assert.All(rig.Probes.Skip(before), p => Assert.InRange(p.Probe.Size, 576, link - 100));
    }

    [Fact]
    public void What_the_link_refuses_is_not_tried_again()
    {
        PathProberRig rig = new(1_500, 1_500) { Traffic = false };
        rig.Prober.Use(PathProberRig.Remote, rig.Now);
        Assert.True(rig.Prober.Answer(PathProberRig.Remote, rig.Only().Nonce, rig.Now));
        PathProbe largest = rig.Only();
        Assert.Equal(1_500, largest.Size);
        rig.Prober.Refuse(PathProberRig.Remote, 1_500, rig.Now);
        rig.Run(5_000);
        Assert.All(rig.Probes, p => Assert.True(p.Probe.Size < 1_500));
    }

    [Fact]
    public void PTB_below_the_size_in_use_leads_to_base_and_to_the_size_that_it_names()
    {
        PathProberRig rig = new(1_500, 1_500);
        rig.Run(2_000);
        rig.Truth = 1_433;
        Assert.True(rig.Prober.PacketTooBig(PathProberRig.Remote, 1_433, rig.Now));
        Assert.Equal((Base, PathProbeCause.PacketTooBig), rig.Entered[^1]);
        Assert.Equal(1_500, rig.Size);
        long took = rig.RunUntil(() => rig.Size == 1_433, 2_000);
        Assert.InRange(took, 900, 1_200);
        rig.RunUntil(() => rig.State == SearchComplete, 5_000);
        Assert.DoesNotContain(rig.Told, told => Math.Abs(told.Size) < 1_433);
    }

    [Fact]
    [RfcItem(76, "RFC 8899 §4.6.2", "A Packet Too Big message MUST NOT set the PLPMTU: it only says what to probe.")]
    public void PTB_that_is_not_true_lowers_nothing_and_the_next_ones_are_not_believed()
    {
        PathProberRig rig = new(1_500, 1_500);
        rig.Run(2_000);
        Assert.True(rig.Prober.PacketTooBig(PathProberRig.Remote, 1_300, rig.Now));
        rig.Run(3_000);
        Assert.Equal((SearchComplete, 1_500), (rig.State, rig.Size));
        Assert.Equal((SearchComplete, Confirmed), rig.Entered[^1]);
        Assert.Equal([1_500], rig.Told.Select(t => t.Size));
        Assert.False(rig.Prober.PacketTooBig(PathProberRig.Remote, 1_300, rig.Now));
    }

    [Fact]
    public void PTB_below_the_base_size_is_an_error()
    {
        PathProberRig rig = new(1_500, 1_500);
        rig.Run(5);
        Assert.Equal(Base, rig.State);
        Assert.True(rig.Prober.PacketTooBig(PathProberRig.Remote, 1_000, rig.Now));
        Assert.Equal((Error, PathProbeCause.PacketTooBig), rig.Entered[^1]);
        rig.RunUntil(() => rig.State == SearchComplete, 5_000);
        Assert.Equal(1_500, rig.Size);
    }

    [Fact]
    public void PTB_between_what_passes_and_what_was_probed_is_the_next_size()
    {
        PathProberRig rig = new(1_500, 1_433) { Router = 1_433 };
        rig.RunUntil(() => rig.State == SearchComplete, 5_000);
        Assert.Equal([1_200, 1_500, 1_433], rig.Probes.Take(3).Select(p => p.Probe.Size));
        // PL_PTB_SIZE = PLPMTU ends the search: nothing is probed in vain three times.
        Assert.True(rig.Probes.Count <= 4, $"{rig.Probes.Count} probes");
        Assert.Equal(1_433, rig.Size);
    }

    [Theory]
    [InlineData(575)]
    [InlineData(67)]
    [InlineData(0)]
    [InlineData(1_500)]
    [InlineData(9_000)]
    public void PTB_that_makes_no_sense_is_ignored(int size)
    {
        PathProberRig rig = new(1_500, 1_500);
        rig.Run(2_000);
        Assert.False(rig.Prober.PacketTooBig(PathProberRig.Remote, size, rig.Now));
        Assert.Equal((SearchComplete, 1_500), (rig.State, rig.Size));
    }

    [Fact]
    public void An_answer_counts_once_from_its_remote_and_with_its_nonce()
    {
        PathProberRig rig = new(1_500, 1_500);
        rig.Prober.Set(4, true, 1_500, rig.Now);
        rig.Prober.Use(PathProberRig.Remote, rig.Now);
        ulong nonce = rig.Only().Nonce;
        Assert.False(rig.Prober.Answer(PathProberRig.Remote, nonce ^ 1, rig.Now));
        Assert.False(rig.Prober.Answer(4, nonce, rig.Now));
        Assert.False(rig.Prober.Answer(77, nonce, rig.Now));
        Assert.True(rig.Prober.Answer(PathProberRig.Remote, nonce, rig.Now));
        Assert.False(rig.Prober.Answer(PathProberRig.Remote, nonce, rig.Now));
    }

    [Fact]
    public void Nonces_cannot_be_told_from_those_before_and_depend_on_the_secret()
    {
        HashSet<ulong> seen = [];
        foreach (byte first in (byte[])[0, 1])
        {
            byte[] secret = new byte[32];
            secret[0] = first;
            PathProber prober = new(new PathProberRig(1_500, 1_500), secret, new PathProberOptions { ProbesPerSecond = 10_000 });
            for (int remote = 0; remote < 1_000; remote++)
            {
                prober.Set(remote, true, 1_500, 0);
                prober.Use(remote, 0);
            }

            int probes = 0;
            while (prober.TryNext(0, out PathProbe probe))
            {
                probes++;
                Assert.True(seen.Add(probe.Nonce));
            }

            Assert.Equal(1_000, probes);
        }

        // Of 2 000 random words each bit is set in about half.
        for (int bit = 0; bit < 64; bit++)
        {
            Assert.InRange(seen.Count(nonce => ((nonce >> bit) & 1) != 0), 850, 1_150);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(30)]
    [InlineData(150)]
    [InlineData(400)]
    [RfcItem(76, "RFC 8899 §3", "Probes are at least one round trip apart.")]
    public void Probes_are_a_round_trip_apart_at_least(int roundTrip)
    {
        PathProberRig rig = new(9_000, 3_333) { RoundTrip = roundTrip };
        rig.RunUntil(() => rig.Size == 3_333, 30_000);
        rig.Truth = 2_000;
        rig.RunUntil(() => rig.Size == 2_000 && rig.State == SearchComplete, 30_000);
        for (int i = 1; i < rig.Probes.Count; i++)
        {
            Assert.True(rig.Probes[i].At - rig.Probes[i - 1].At >= roundTrip, $"{rig.Probes[i - 1]} and {rig.Probes[i]}");
        }
    }

    [Theory]
    [InlineData(999, 3, 1_000, 1_200)]
    [InlineData(1_000, 1, 1_000, 1_200)]
    [InlineData(1_000, 11, 1_000, 1_200)]
    [InlineData(1_000, 3, 499, 1_200)]
    [InlineData(1_000, 3, 1_000, 500)]
    [RfcItem(76, "RFC 8899 §5.1.1", "PROBE_TIMER MUST NOT be smaller than one second, and SHOULD be larger than 15.",
        Deviation = "One second by default, so that a black hole is found within five; where a round trip takes longer, the timer is three of them.")]
    public void Options_out_of_range_are_refused(int probeTimer, int maxProbes, int confirmation, int baseSize) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PathProber(new PathProberRig(1_500, 1_500), new byte[32], new PathProberOptions
        {
            ProbeTimer = probeTimer, MaxProbes = maxProbes, ConfirmationTimer = confirmation, BaseIPv4 = baseSize,
        }));

    [Fact]
    public void A_secret_of_another_length_is_refused() =>
        Assert.Throws<ArgumentException>(() => new PathProber(new PathProberRig(1_500, 1_500), new byte[16]));

    [Fact]
    public void Ten_thousand_remotes_are_probed_at_the_rate_that_is_set_and_all_are_served()
    {
        const int Remotes = 10_000;
        PathProberRig sink = new(1_500, 1_500);
        PathProber prober = new(sink, new byte[32], new PathProberOptions { ProbesPerSecond = 2_000 });
        for (int remote = 0; remote < Remotes; remote++)
        {
            prober.Set(remote, true, 1_500, 0);
        }

        int[] window = new int[12];
        for (long now = 0; now < 12_000; now += 10)
        {
            for (int remote = 0; now == 0 && remote < Remotes; remote++)
            {
                prober.Use(remote, now);
            }

            while (prober.TryNext(now, out PathProbe probe))
            {
                window[now / 1_000]++;
                Assert.True(prober.Answer(probe.Remote, probe.Nonce, now));
            }
        }

        Assert.All(window, count => Assert.InRange(count, 0, 2_300));
        for (int remote = 0; remote < Remotes; remote++)
        {
            Assert.True(prober.Read(remote, out PathProbeStatus status));
            Assert.Equal(1_500, status.Size);
        }
    }

    [Fact]
    public void Probing_allocates_nothing()
    {
        PathProberRig sink = new(1_500, 1_500);
        PathProber prober = new(sink, new byte[32]);
        prober.Set(0, true, 1_500, 0);
        long now = 0;
        void Round()
        {
            now += 100;
            prober.Use(0, now);
            while (prober.TryNext(now, out PathProbe probe))
            {
                _ = prober.Answer(0, probe.Nonce, now);
            }
        }

        for (int i = 0; i < 100; i++)
        {
            Round();
        }

        Allocations.Zero(Round);
    }

    [Fact]
    public void A_remote_that_is_removed_is_not_probed()
    {
        PathProberRig rig = new(1_500, 1_500);
        rig.Prober.Use(PathProberRig.Remote, rig.Now);
        rig.Prober.Remove(PathProberRig.Remote);
        rig.Run(5_000);
        Assert.Empty(rig.Probes);
        Assert.False(rig.Prober.Read(PathProberRig.Remote, out _));
    }
}
