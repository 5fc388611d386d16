namespace Overlay.Testing.Simulation.Invariants;

/// <summary>The invariants that every world has.</summary>
public static class StandardInvariants
{
    /// <summary>A fresh one of each.</summary>
    public static IEnumerable<SimulationInvariant> All() =>
    [
        new NothingGoesToARemoteThatLeft(),
        new DecisionsFollowTheTables(),
        new StrangersStayOut(),
        new BooksBalance(),
        new NothingVanishes(),
        new NetworksStayApart(),
        new StaticEntriesStay(),
        new BroadcastReachesEveryMemberOnce(),
        new NothingComesBack(),
        new FramesArriveAsSent(),
        new LearnedEntriesAgeOut(),
        new CapsHold(),
        new TalkersAreNotEvicted(),
        new FrozenStationsStay(),
        new FlowsKeepTheirRemote(),
        new FloodsStayWithinLimits(),
        new IndicesKeepTheirMeaning(),
        new MemoryIsBounded(),
    ];
}
