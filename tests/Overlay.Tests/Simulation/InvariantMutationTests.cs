using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing.Simulation;
using Overlay.Testing.Simulation.Invariants;
using Overlay.Testing.Simulation.Workload;
using Xunit;

namespace Overlay.Tests.Simulation;

/// <summary>Each invariant can fail: a part is broken on purpose, the script that passes with the real part ends, and it is that invariant which ends it.</summary>
public sealed class InvariantMutationTests
{
    [Fact]
    public void A_path_that_keeps_the_remote_it_once_knew()
    {
        ValueIPAddress remembered = default;
        HostComponents broken = new()
        {
            Egress = (path, _) => new BrokenPath(path, after: batch => ForEachPending(batch, i =>
            {
                remembered = remembered.IsUnspecified ? batch.Meta(i).Remote : remembered;
                batch.Meta(i).Remote = remembered;
            })),
        };
        MutationRig.Proves<NothingGoesToARemoteThatLeft>(broken, rig =>
        {
            rig.SetB();
            rig.OnA.SendTo(rig.OnB);
            rig.Settle();
            rig.TablesOfA.EnqueueLeave(rig.B.Address);
            rig.Settle();
            Assert.Contains(rig.World.Log.Of<RemoteLeft>(), left => left.Remote == rig.B.Address);
            rig.OnA.SendTo(rig.OnB);
            rig.Settle();
        });
    }

    [Fact]
    public void A_path_that_sends_somewhere_else_than_the_entry_says() =>
        MutationRig.Proves<DecisionsFollowTheTables>(
            new HostComponents
            {
                Egress = (path, tunnel) => new BrokenPath(path, after: batch => ForEachPending(batch, i => batch.Meta(i).Remote = tunnel.Tables.Flood[MutationRig.Net][^1])),
            },
            rig =>
            {
                rig.SetB();
                rig.OnA.SendTo(rig.OnB);
                rig.Settle();
            });

    [Fact]
    public void A_path_that_lets_strangers_in()
    {
        ValueIPAddress known = ValueIPAddress.Parse("192.0.2.2");
        ValueIPAddress stranger = ValueIPAddress.Parse("203.0.113.9");
        HostComponents broken = new()
        {
            Ingress = (path, _) => new BrokenPath(path, batch => ForEachPending(batch, i => batch.Meta(i).Remote = known), batch => ForEachPending(batch, i => batch.Meta(i).Remote = stranger)),
        };
        MutationRig.Proves<StrangersStayOut>(broken, rig =>
        {
            rig.Forge(stranger, MutationRig.MacOf(99));
            rig.Settle();
        });
    }

    [Fact]
    public void A_writer_that_learns_from_a_remote_that_has_left() => MutationRig.Proves<StrangersStayOut>(
        new HostComponents { Writer = tables => new BrokenWriter(tables, learn: (learned, now) => tables.Learn(learned, knownOnly: false, now)) },
        rig =>
        {
            // Straight into the queue: the worker has asked before the remote left.
            rig.TablesOfA.EnqueueLeave(rig.B.Address);
            rig.Settle();
            Assert.True(rig.A.Tunnels[0].Twins[0].Learned.TryEnqueue(new LearnedAddress(MutationRig.Net, rig.OnB.Mac, rig.B.Address)));
            rig.Settle();
        });

    [Fact]
    public void A_path_that_does_not_close_its_books() => MutationRig.Proves<BooksBalance>(
        new HostComponents { Egress = (path, _) => new BrokenPath(path, completes: false) },
        rig =>
        {
            rig.OnA.Announce();
            rig.Settle();
        });

    [Fact]
    public void A_port_that_loses_and_says_nothing() => MutationRig.Proves<NothingVanishes>(
        new HostComponents { Endpoint = port => new FaultInjector(port, 1, loss: 1, corruption: 0) },
        rig =>
        {
            rig.OnA.Announce();
            rig.Settle();
        });

    [Fact]
    public void A_port_that_loses_is_seen_in_the_books_as_well() => MutationRig.Proves<BooksBalance>(
        new HostComponents { Endpoint = port => new FaultInjector(port, 1, loss: 1, corruption: 0) },
        rig =>
        {
            rig.OnA.Announce();
            rig.Settle();
        });

    [Fact]
    public void A_path_that_writes_another_network() => MutationRig.Proves<NetworksStayApart>(
        new HostComponents { Egress = (path, _) => new BrokenPath(path, after: batch => ForEachPending(batch, i => batch.Meta(i).Vni = MutationRig.OtherNet)) },
        rig =>
        {
            rig.OnA.Announce();
            rig.Settle();
        });

    [Fact]
    public void A_writer_that_learns_over_what_was_set() => MutationRig.Proves<StaticEntriesStay>(
        new HostComponents
        {
            Writer = tables => new BrokenWriter(tables, learn: (learned, now) =>
            {
                tables.Forwarding.Remove(learned.Vni, learned.Mac);
                return tables.Learn(learned, knownOnly: true, now);
            }),
        },
        rig =>
        {
            // Learned from b before it is set at c.
            Assert.True(rig.A.Tunnels[0].Twins[0].Learned.TryEnqueue(new LearnedAddress(MutationRig.Net, rig.OnB.Mac, rig.B.Address)));
            rig.TablesOfA.Apply(OverlayUpdate.SetForwarding(MutationRig.Net, rig.OnB.Mac, new FdbEntry(rig.C.Address)));
            rig.Settle();
        });

    [Fact]
    public void A_port_that_sends_everything_twice() => MutationRig.Proves<BroadcastReachesEveryMemberOnce>(
        new HostComponents
        {
            Endpoint = port => new DoublingPort(port),
            Egress = (path, _) => new BrokenPath(path),
        },
        rig =>
        {
            rig.OnA.Announce();
            rig.Settle();
        });

    [Fact]
    public void A_path_that_leaves_a_member_out_is_seen_by_what_the_flood_list_says() => MutationRig.Proves<DecisionsFollowTheTables>(
        new HostComponents
        {
            Egress = (path, _) => new BrokenPath(path, after: batch => batch.Meta(batch.Count - 1).State = PacketState.Sent),
        },
        rig =>
        {
            rig.OnA.Announce();
            rig.Settle();
        });

    [Fact]
    public void A_path_that_floods_on_what_came_out_of_a_tunnel() => MutationRig.Proves<NothingComesBack>(
        new HostComponents
        {
            Ingress = (path, endpoint) => new BrokenPath(path, after: batch => ForEachPending(batch, i =>
            {
                int copy = batch.Share(i);
                ref PacketMeta meta = ref batch.Meta(copy);
                meta.Origin = PacketOrigin.Replicated;
                meta.Output = endpoint;
                meta.Remote = ValueIPAddress.Parse("192.0.2.3");
            })),
        },
        rig =>
        {
            rig.OnB.Announce();
            rig.Settle();
        });

    [Fact]
    public void A_path_that_changes_a_byte() => MutationRig.Proves<FramesArriveAsSent>(
        new HostComponents { Egress = (path, _) => new BrokenPath(path, after: batch => ForEachPending(batch, i => batch.Data(i)[^1] ^= 1)) },
        rig =>
        {
            rig.SetB();
            rig.OnA.SendTo(rig.OnB);
            rig.Settle();
        });

    [Fact]
    public void A_writer_that_does_not_age() => MutationRig.Proves<LearnedEntriesAgeOut>(
        new HostComponents { Writer = tables => new BrokenWriter(tables, age: (_, _) => 0) },
        rig =>
        {
            rig.OnB.Announce();
            rig.Settle();
            Assert.Contains(rig.World.Log.Of<AddressLearned>(), learned => learned.IsTaken && learned.Tables == rig.TablesOfA);

            // Frames only go to it: that keeps no entry.
            for (int i = 0; i < 10; i++)
            {
                rig.OnA.SendTo(rig.World.Stations[2]);
                rig.World.Run(1_000);
            }
        });

    [Fact]
    public void Tables_that_take_more_than_they_may() => MutationRig.Proves<CapsHold>(
        new HostComponents { Tables = _ => new OverlayTables() },
        rig =>
        {
            for (uint i = 0; i < 30; i++)
            {
                rig.Forge(rig.B.Address, MutationRig.MacOf(100 + i));
                rig.Settle(1);
            }

            rig.Settle(500);
        },
        new HostOptions { MaxForwardingEntries = 8 });

    [Fact]
    public void Tables_that_take_more_of_one_network_than_they_may() => MutationRig.Proves<CapsHold>(
        new HostComponents { Tables = options => new OverlayTables(options with { MaxEntriesPerVni = ForwardingTable.MaxEntriesLimit }) },
        rig =>
        {
            for (uint i = 0; i < 30; i++)
            {
                rig.Forge(rig.B.Address, MutationRig.MacOf(100 + i));
                rig.Settle(1);
            }

            rig.Settle(500);
        },
        new HostOptions { MaxEntriesPerVni = 8 });

    [Fact]
    public void Tables_in_which_somebody_makes_way_although_nobody_asked_for_that() => MutationRig.Proves<TalkersAreNotEvicted>(
        new HostComponents { Tables = options => new OverlayTables(options with { WhenFull = ForwardingOverflow.EvictOldest }) },
        FillAndWait,
        new HostOptions { MaxForwardingEntries = 8, MaxAge = 60_000 });

    [Fact]
    public void A_writer_that_lets_one_make_way_who_was_just_heard() => MutationRig.Proves<TalkersAreNotEvicted>(
        new HostComponents
        {
            Writer = tables => new BrokenWriter(tables, learn: (learned, now) =>
            {
                if (tables.Forwarding.Count >= 8)
                {
                    ForwardingRow youngest = tables.Forwarding.Snapshot(now).MinBy(row => row.IdleMilliseconds);
                    tables.Forwarding.Remove(youngest.Vni, youngest.Mac);
                }

                return tables.Learn(learned, knownOnly: true, now);
            }),
        },
        rig =>
        {
            FillAndWait(rig);
            rig.Forge(rig.B.Address, MutationRig.MacOf(201));
            rig.Settle();
            rig.Forge(rig.B.Address, MutationRig.MacOf(202));
            rig.Settle();
        },
        new HostOptions { MaxForwardingEntries = 8, MaxAge = 60_000, WhenFull = ForwardingOverflow.EvictOldest });

    [Fact]
    public void Tables_that_never_freeze() => MutationRig.Proves<FrozenStationsStay>(
        new HostComponents { Tables = options => new OverlayTables(options with { MoveLimit = 0 }) },
        rig =>
        {
            for (int i = 0; i < 8; i++)
            {
                rig.Forge(i % 2 == 0 ? rig.B.Address : rig.C.Address, MutationRig.MacOf(100));
                rig.Settle();
            }
        },
        new HostOptions { MoveLimit = 3, MoveWindow = 60_000, FreezeTime = 60_000, MaxAge = 60_000 });

    [Fact]
    public void A_path_whose_clock_runs_too_fast_for_its_limits() => MutationRig.Proves<FloodsStayWithinLimits>(
        new HostComponents { Egress = (path, _) => new BrokenPath(path, clock: now => now * 100) },
        rig =>
        {
            for (int i = 0; i < 20; i++)
            {
                rig.OnA.Announce();
                rig.Settle(50);
            }
        },
        new HostOptions { FloodLimits = new FloodLimits { Broadcast = new FloodLimit(2, 3) } });

    [Fact]
    public void A_writer_that_does_not_replace() => MutationRig.Proves<StaticEntriesStay>(
        new HostComponents { Writer = tables => new BrokenWriter(tables, replaces: false) },
        rig =>
        {
            rig.TablesOfA.Apply(OverlayUpdate.SetForwarding(MutationRig.Net, rig.OnB.Mac, new FdbEntry(rig.C.Address, 0, FdbOrigin.External)));
            rig.TablesOfA.EnqueueReplace(FdbOrigin.External, new Dictionary<ForwardingKey, FdbRemote> { [new(MutationRig.Net, MutationRig.MacOf(77))] = new(rig.B.Address) });
            rig.Settle();
        });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_writer_that_makes_a_group_anew_when_a_member_leaves(bool isBroken)
    {
        HostComponents components = !isBroken ? new HostComponents() : new HostComponents
        {
            Writer = tables => new BrokenWriter(tables, apply: update =>
            {
                if (update.Kind == OverlayUpdateKind.SetRoute)
                {
                    tables.Apply(OverlayUpdate.RemoveRoute(update.Address, update.PrefixLength));
                }

                tables.Apply(update);
            }),
        };
        SimulatedWorld world = new(1, new WorldOptions { Scenario = "groups" });
        world.Invariants.Clear();
        world.Invariants.Add(new FlowsKeepTheirRemote());
        SimulatedHost[] hosts = [.. Enumerable.Range(1, 5).Select(i => world.AddHost(
            $"h{i}", $"192.0.2.{i}", new HostOptions { Kind = TunnelKind.IPInIP, Components = components }))];
        SimulatedStation[] stations = [.. hosts.Select((host, i) => world.AddStation($"s{i}", host.AddTunnel(default), MutationRig.MacOf((uint)i), ValueIPAddress.Parse($"10.{i}.0.1")))];
        SimulatedTables tables = hosts[0].Tunnels[0].Tables;
        RouteMember[] members = [.. hosts[1..].Select(host => new RouteMember(new RouteEntry(host.Address)))];
        Exception? failure = Record.Exception(() =>
        {
            for (int count = members.Length; count > 0; count--)
            {
                tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.1.0.0"), 16, members[..count]));
                for (ushort port = 1; port <= 50; port++)
                {
                    stations[0].SendTo(stations[1], 8, port);
                }

                world.Run(100);
            }
        });
        Assert.Equal(isBroken ? typeof(FlowsKeepTheirRemote) : null, ((failure as SimulationFailedException)?.InnerException as InvariantBrokenException)?.Invariant.GetType());
        Assert.Equal(isBroken, failure is not null);
    }

    [Theory]
    [InlineData(9_999, false)]
    [InlineData(60_000, true)]
    public void A_reader_that_holds_an_index_longer_than_the_quarantine(int longestHold, bool isCaught)
    {
        Exception? failure = Record.Exception(() =>
        {
            for (ulong seed = 1; seed <= 5; seed++)
            {
                SimulatedWorld world = new(seed, new WorldOptions { Scenario = "long hold" });
                world.Invariants.Clear();
                world.Invariants.Add(new IndicesKeepTheirMeaning());
                foreach (string number in new[] { "1", "2", "3" })
                {
                    SimulatedTunnel tunnel = world.AddHost($"h{number}", $"192.0.2.{number}").AddTunnel(MutationRig.Net);
                    world.AddStation($"s{number}", tunnel, MutationRig.MacOf((uint)world.Stations.Count + 1), ValueIPAddress.Parse($"10.0.0.{number}"));
                }

                world.Connect(MutationRig.Net);
                WorkloadOptions load = new() { Updates = 500, IndexReads = 20 };
                world.Scheduler.Add(new UpdateMaker(world, load));
                world.Scheduler.Add(new IndexReader(world, load, longestHold));
                world.Run(100_000);
                Assert.Contains(world.Log.Of<IndexUsed>(), used => used.Age > longestHold / 2);
            }
        });
        Assert.Equal(isCaught ? typeof(IndicesKeepTheirMeaning) : null, ((failure as SimulationFailedException)?.InnerException as InvariantBrokenException)?.Invariant.GetType());
        Assert.Equal(isCaught, failure is not null);
    }

    [Fact]
    public void A_writer_that_never_gives_remote_indices_back() => MutationRig.Proves<MemoryIsBounded>(
        new HostComponents { Writer = tables => new BrokenWriter(tables, age: (_, _) => 0) },
        rig =>
        {
            for (uint i = 0; i < 150; i++)
            {
                rig.TablesOfA.Apply(OverlayUpdate.SetForwarding(MutationRig.Net, rig.OnB.Mac, new FdbEntry(ValueIPAddress.FromIPv4(0xC612_0000 | i))));
                rig.World.Run(500);
            }
        });

    [Fact]
    public void Every_standard_invariant_has_its_broken_part_here()
    {
        string source = File.ReadAllText(Path.Combine(Packaging.Repository.Root, "tests", "Overlay.Tests", "Simulation", $"{nameof(InvariantMutationTests)}.cs"));
        Assert.All(
            StandardInvariants.All().Select(invariant => invariant.GetType().Name),
            name => Assert.True(
                source.Contains($"Proves<{name}>", StringComparison.Ordinal) || source.Contains($"new {name}()", StringComparison.Ordinal), $"{name} has no test that makes it fail."));
    }

    // A full table whose entries are old enough to make way, and one more.
    private static void FillAndWait(MutationRig rig)
    {
        for (uint i = 0; i < 8; i++)
        {
            rig.Forge(rig.B.Address, MutationRig.MacOf(100 + i));
            rig.Settle(1);
        }

        rig.World.Run(5_000);
        rig.Forge(rig.B.Address, MutationRig.MacOf(200));
        rig.Settle();
    }

    private static void ForEachPending(PacketBatch batch, Action<int> action)
    {
        int count = batch.Count;
        for (int i = 0; i < count; i++)
        {
            if (batch.Meta(i).State == PacketState.Pending)
            {
                action(i);
            }
        }
    }
}
