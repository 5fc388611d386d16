using Overlay.Forwarding;
using Overlay.Forwarding.Cases;
using Overlay.Forwarding.Report;
using Overlay.Forwarding.Subjects;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>Who takes part in what.</summary>
public sealed class PlanTests
{
    private static readonly IReadOnlyList<Contestant> Contestants = new Catalog("/nowhere", "/nowhere").Contestants;

    [Fact]
    public void Default_is_each_case_with_its_own_subjects_within_half_an_hour()
    {
        Plan plan = PlanOf();

        Assert.DoesNotContain(plan.Cases, c => c.IsOnRequest);
        Assert.All(plan.Cases, c => Assert.Equal(c.Subjects.Order(), Names(plan, c.Name).Order()));
        Assert.InRange(plan.Estimate.TotalMinutes, 20, 30);
    }

    [Fact]
    public void Case_on_request_runs_when_it_is_named() =>
        Assert.Equal(["ping-forwarders-one-cpu"], PlanOf("--only", "ping-f*").Cases.Select(c => c.Name));

    [Fact]
    public void Named_subjects_stand_in_the_place_of_the_cases_own()
    {
        Plan plan = PlanOf("--subject", "overlayd-spin0,c,c-*+kernel");

        Assert.Equal(["overlayd-spin0", "c"], Names(plan, "tcp8"));
        Assert.Equal(["c-nice0+kernel", "c-tgso+kernel"], Names(plan, "tcp-to-kernel"));
        Assert.Empty(Names(plan, "memory"));
        Assert.Empty(Names(plan, "tcp-peers"));
    }

    [Fact]
    public void Subjects_that_only_new_daemons_are_about_are_not_kept()
    {
        Plan plan = PlanOf("--only", "memory,tcp");

        Assert.False(plan.IsKept(Contestants.Single(c => c.Name == "overlayd-two")));
        Assert.True(plan.IsKept(Contestants.Single(c => c.Name == "overlayd")));
        Assert.DoesNotContain(plan.Contestants, c => c.Name == "openvswitch");
    }

    [Fact]
    public void List_names_cases_subjects_and_the_time()
    {
        string text = PlanOf("--only", "ping", "--subject", "kernel").Describe();

        Assert.Contains("  ping: kernel\n", text, StringComparison.Ordinal);
        Assert.Contains("estimate: 1 minutes for 7 rounds of 2 s", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Cases_name_subjects_that_there_are()
    {
        Assert.Equal(Contestants.Count, Contestants.Select(c => c.Name).Distinct().Count());
        foreach (ForwardingCase forwardingCase in ForwardingCase.All)
        {
            Assert.NotEmpty(forwardingCase.Subjects);
            Assert.All(forwardingCase.Subjects, name => Assert.Contains(Contestants, c => c.Name == name));
            // One end of them is what a baseline is known by, and it must be known by one only.
            Assert.All(forwardingCase.ComparedWith, name => Assert.InRange(
                Contestants.Count(c => forwardingCase.Subjects.Contains(c.Name) && c.Here.Name == name), 0, 1));
        }
    }

    [Fact]
    public void Targets_name_figures_that_their_cases_give()
    {
        foreach (Target target in Target.All)
        {
            ForwardingCase forwardingCase = ForwardingCase.All.Single(c => c.Name == target.Case);
            Assert.False(forwardingCase.IsOnRequest);
            Assert.Contains(target.Metric, forwardingCase.Workload.Metrics);
            Assert.All(new[] { target.Ours, target.C, target.Other }.OfType<string>(), name => Assert.Contains(name, forwardingCase.Subjects));
        }
    }

    private static Plan PlanOf(params string[] arguments)
    {
        Assert.True(ForwardingOptions.TryParse(arguments, out ForwardingOptions options, out string mistake), mistake);
        return new Plan(options, Contestants);
    }

    private static IEnumerable<string> Names(Plan plan, string name)
    {
        ForwardingCase forwardingCase = ForwardingCase.All.Single(c => c.Name == name);
        return Contestants.Where(contestant => plan.TakesPart(forwardingCase, contestant)).Select(contestant => contestant.Name);
    }
}
