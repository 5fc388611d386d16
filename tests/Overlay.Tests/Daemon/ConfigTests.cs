using Overlay.Daemon.Configuration;
using Overlay.Daemon.DataPlane;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Wire;
using Xunit;
using static Overlay.Tests.Daemon.ConfigSamples;

namespace Overlay.Tests.Daemon;

/// <summary>Good configurations and what becomes of them.</summary>
public class ConfigTests
{
    /// <summary>The example of the documentation, comments and all.</summary>
    internal const string Example = """
        {
          "control": { "socket": "/run/overlay/overlayd.sock" },
          "tunnels": [
            { "name": "vx42", "kind": "vxlan", "vni": 42, "local": "192.0.2.1", "port": 4789,
              "device": { "type": "tap", "name": "vx42", "addresses": ["10.244.0.1/24"], "mac": "02:00:00:00:00:01", "mtu": "auto" },
              "learning": { "enabled": true, "ageSeconds": 300, "maxEntries": 65536 },
              "flood": ["192.0.2.2"],                                      // head-end replication
              "fdb": [ { "mac": "02:00:00:00:00:02", "remote": "192.0.2.2" } ],
              "neighbors": [ { "ip": "10.244.0.2", "mac": "02:00:00:00:00:02" } ] },
            { "name": "l3", "kind": "vxlan", "vni": 1, "local": "192.0.2.1", "port": 8472,                    // layer-3 VXLAN as flannel and Calico run it
              "device": { "type": "tun", "name": "l3", "addresses": ["10.245.1.0/32"], "mac": "02:00:00:00:00:11" },
              "routes": [ { "prefix": "10.245.2.0/24", "remote": "192.0.2.2", "mac": "02:00:00:00:00:12" } ] },
            { "name": "ipip0", "kind": "ipip", "local": "192.0.2.1",       // inner family decides protocol 4 or 41
              "device": { "type": "tun", "name": "ipip0", "addresses": ["10.246.0.1/32"] },
              "routes": [ { "prefix": "10.246.2.0/24", "remote": "192.0.2.2" } ] }
          ]
        }
        """;

    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.2");

    [Fact]
    public void The_example_of_the_documentation_means_what_it_says()
    {
        DaemonConfig config = Parse(Example);

        Assert.Equal("/run/overlay/overlayd.sock", config.ControlSocket);
        Assert.Equal(["vx42", "l3", "ipip0"], config.Tunnels.Select(t => t.Name));

        TunnelConfig vx42 = config.Tunnels[0];
        Assert.Equal((TunnelKind.Vxlan, 42u, Local, (ushort)4789), (vx42.Kind, vx42.Vni.Value, vx42.Local, vx42.Endpoint.Port));
        Assert.Equal((DeviceLayer.Ethernet, "vx42", MacAddress.Parse("02:00:00:00:00:01"), null as int?),
            (vx42.Device.Layer, vx42.Device.Name, vx42.Device.Mac!.Value, vx42.Device.Mtu));
        Assert.Equal([new InterfaceAddress(ValueIPAddress.Parse("10.244.0.1"), 24)], vx42.Device.Addresses);
        Assert.Equal(new LearningConfig { Enabled = true, AgeSeconds = 300, MaxEntries = 65536 }, vx42.Learning);
        Assert.Equal([Remote], vx42.Flood);
        Assert.Equal([new FdbConfig(MacAddress.Parse("02:00:00:00:00:02"), new FdbRemote(Remote))], vx42.Fdb);
        Assert.Equal([new NeighborConfig(ValueIPAddress.Parse("10.244.0.2"), MacAddress.Parse("02:00:00:00:00:02"))], vx42.Neighbors);
        Assert.Empty(vx42.Routes);
        Assert.Equal([Remote], vx42.Remotes);

        TunnelConfig l3 = config.Tunnels[1];
        Assert.Equal((TunnelKind.Vxlan, 1u, (ushort)8472, DeviceLayer.IP), (l3.Kind, l3.Vni.Value, l3.Endpoint.Port, l3.Device.Layer));
        RouteConfig route = Assert.Single(l3.Routes);
        Assert.Equal((ValueIPAddress.Parse("10.245.2.0"), 24), (route.Prefix, route.PrefixLength));
        Assert.Equal([new RouteMember(new RouteEntry(Remote, MacAddress.Parse("02:00:00:00:00:12")))], route.Members);
        Assert.Null(l3.Learning);

        TunnelConfig ipip = config.Tunnels[2];
        Assert.Equal((TunnelKind.IPInIP, (ushort)0, DeviceLayer.IP), (ipip.Kind, ipip.Endpoint.Port, ipip.Device.Layer));
        route = Assert.Single(ipip.Routes);
        Assert.Equal((ValueIPAddress.Parse("10.246.2.0"), 24), (route.Prefix, route.PrefixLength));
        Assert.Equal([new RouteMember(new RouteEntry(Remote))], route.Members);
    }

    [Fact]
    public void What_is_not_said_has_the_documented_default()
    {
        DaemonConfig config = Parse(Tap(""));

        Assert.Equal("/run/overlay/overlayd.sock", config.ControlSocket);
        Assert.Equal((1, 0, 50), (config.Workers.Count, config.Workers.Cpus.Count, config.Workers.SpinMicroseconds));
        TunnelConfig tunnel = Assert.Single(config.Tunnels);
        Assert.Equal(new EndpointConfig
        {
            Kind = TunnelKind.Vxlan,
            Local = Local,
            Port = 4789,
            Link = null,
            OuterChecksum = true,
            ZeroChecksumIPv6 = false,
            SourcePortMinimum = 49152,
            SourcePortMaximum = 65535,
            SourcePortCount = 16,
            Gro = true,
            Gso = true,
        }, tunnel.Endpoint);
        Assert.Equal("a", tunnel.Device.Name);
        Assert.Null(tunnel.Device.Mac);
        Assert.Null(tunnel.Device.Mtu);
        Assert.Empty(tunnel.Device.Addresses);
        Assert.Equal(new LearningConfig { Enabled = true, AgeSeconds = 300, MaxEntries = 65536 }, tunnel.Learning);
        Assert.Empty(tunnel.Flood);
        Assert.Empty(tunnel.Fdb);
        Assert.Empty(tunnel.Neighbors);
        Assert.Equal((true, 0, false), (tunnel.NeighborSuppression, tunnel.AnnouncementHoldSeconds, tunnel.Learning!.Neighbors));
        Assert.Empty(tunnel.Routes);
        Assert.Equal(new OffloadConfig(true, true, true, true, true), tunnel.Offload);
        Assert.Equal(TunnelPolicy.Default, tunnel.Policy);
        Assert.Same(RemotePolicy.Known, tunnel.Policy.Remotes);
        Assert.Equal(((byte?)64, (byte?)0, EcnProfile.Rfc6040, null as DontFragmentPolicy?),
            (tunnel.Policy.Ttl, tunnel.Policy.Dscp, tunnel.Policy.Ecn, tunnel.Policy.DontFragment));
    }

    [Fact]
    public void Every_key_of_an_fdb_entry_reaches_the_tables()
    {
        TunnelConfig tunnel = Parse(Tap("""
            "fdb": [
              { "mac": "02:00:00:00:00:02", "remote": "192.0.2.2", "port": 65535, "remoteVni": 16777215 },
              { "mac": "02:00:00:00:00:03", "remote": "192.0.2.2", "remoteVni": 0 } ]
            """)).Tunnels[0];
        Assert.Equal([Remote], tunnel.Remotes);
        OverlayTables tables = new();
        ConfiguredTables.Fill(tables, tunnel);
        Assert.True(tables.Forwarding.TryLookup(tunnel.Vni, MacAddress.Parse("02:00:00:00:00:02"), out FdbEntry entry));
        Assert.Equal(new FdbEntry(Remote, 65_535) { Vni = new Vni(16_777_215) }, entry);
        Assert.True(tables.Forwarding.TryLookup(tunnel.Vni, MacAddress.Parse("02:00:00:00:00:03"), out entry));
        Assert.Equal(new FdbEntry(Remote) { Vni = new Vni(0) }, entry);
    }

    [Fact]
    public void Every_key_of_neighbors_reaches_the_library()
    {
        TunnelConfig tunnel = Parse(Tap("""
            "neighborSuppression": false, "announcementHoldSeconds": 7, "learning": { "enabled": false, "neighbors": true },
            "neighbors": [
              { "ip": "fd00::2", "mac": "02:00:00:00:00:02", "router": true, "override": false, "immutable": true },
              { "ip": "fd00::3", "mac": "02:00:00:00:00:03", "router": false, "override": true },
              { "ip": "10.0.0.2", "mac": "02:00:00:00:00:02", "immutable": true } ]
            """)).Tunnels[0];
        Assert.Equal(
            [NeighborFlags.Router | NeighborFlags.Immutable, NeighborFlags.Override, NeighborFlags.Override | NeighborFlags.Immutable],
            tunnel.Neighbors.Select(neighbor => neighbor.Flags));
        TunnelOptions options = tunnel.ToOptions(default);
        Assert.Equal((false, false, true, 7_000L), (options.Learning, options.NeighborSuppression, options.NeighborLearning, options.AnnouncementHold));
        TunnelOptions defaults = Assert.Single(Parse(Tap("")).Tunnels).ToOptions(default);
        Assert.Equal((true, true, false, 0L), (defaults.Learning, defaults.NeighborSuppression, defaults.NeighborLearning, defaults.AnnouncementHold));
    }

    [Fact]
    public void Every_policy_key_reaches_the_library_or_the_sockets()
    {
        TunnelConfig tunnel = Parse(Tap("""
            "link": "eth0", "transport": "tunnelGso", "offload": { "tso": false, "uso": false, "gro": false, "gso": false, "tunnelGso": false },
            "policy": { "remotes": [ "192.0.2.0/25", "198.51.100.7/32" ], "ttl": "inherit", "dscp": 46, "dscpModel": "uniform", "ecn": "rfc3168", "df": "set",
              "flowLabel": "off",
              "reservedBits": { "mask": "00000000000000ff" }, "outerChecksum": "off", "zeroChecksumIpv6": "accept", "innerVlan": "strip",
              "remoteCheck": "count", "martianRemotes": "off", "martianSources": "enforce", "innerSourceCheck": "count",
              "floodLimit": { "broadcast": { "packetsPerSecond": 1000, "burst": 7 }, "unknownUnicast": { "packetsPerSecond": 55 }, "multicast": { "packetsPerSecond": 3 } },
              "sourcePorts": "1024-1031", "sourcePortCount": 4, }, // trailing commas are fine
            """)).Tunnels[0];

        TunnelPolicy policy = tunnel.Policy;
        Assert.Equal((null as byte?, (byte?)46, EcnProfile.Rfc3168, (DontFragmentPolicy?)DontFragmentPolicy.Set, InnerVlanPolicy.Strip),
            (policy.Ttl, policy.Dscp, policy.Ecn, policy.DontFragment, policy.InnerVlan));
        Assert.Equal((DscpModel.Uniform, false, null), (policy.DscpModel, policy.FlowLabel, policy.SourceSpray));
        Assert.Equal(new ReservedBitsPolicy(0xFF), policy.ReservedBits);
        Assert.Equal((SourceCheck.Count, SourceCheck.Off, (SourceCheck?)SourceCheck.Enforce, SourceCheck.Count),
            (policy.RemoteCheck, policy.MartianRemotes, policy.MartianSources, policy.InnerSourceCheck));
        // A burst is a tenth of a second's packets unless it is given, and one at least.
        Assert.Equal(
            new FloodLimits { Broadcast = new FloodLimit(1_000, 7), UnknownUnicast = new FloodLimit(55, 5), Multicast = new FloodLimit(3, 1) }, policy.FloodLimits);
        Assert.Equal((1024, 1031), (policy.SourcePortMinimum, policy.SourcePortMaximum));
        Assert.True(policy.Remotes.Contains(Remote));
        Assert.True(policy.Remotes.Contains(ValueIPAddress.Parse("198.51.100.7")));
        Assert.False(policy.Remotes.Contains(ValueIPAddress.Parse("192.0.2.128")));
        Assert.False(policy.Remotes.KnownOnly);
        Assert.Equal(new EndpointConfig
        {
            Kind = TunnelKind.Vxlan,
            Local = Local,
            Port = 4789,
            Link = "eth0",
            OuterChecksum = false,
            ZeroChecksumIPv6 = true,
            SourcePortMinimum = 1024,
            SourcePortMaximum = 1031,
            SourcePortCount = 4,
            Gro = false,
            Gso = false,
            Transport = Transport.TunnelGso,
            TunnelGso = false,
        }, tunnel.Endpoint);
        Assert.Equal(new OffloadConfig(false, false, false, false, false), tunnel.Offload);
    }

    [Fact]
    public void A_group_is_flooded_to_and_is_no_remote()
    {
        TunnelConfig tunnel = Parse(Tap("""
            "flood": [ "239.1.1.1" ], "fdb": [ { "mac": "02:00:00:00:00:02", "remote": "192.0.2.2" } ], "policy": { "remotes": [ "192.0.2.0/24" ] }
            """)).Tunnels[0];
        Assert.Equal((ValueIPAddress?)ValueIPAddress.Parse("239.1.1.1"), tunnel.Group);
        Assert.Equal([ValueIPAddress.Parse("239.1.1.1")], tunnel.Flood);
        Assert.Equal([Remote], tunnel.Remotes);
        Assert.Null(Parse(Tap("\"flood\": [ \"192.0.2.2\" ]")).Tunnels[0].Group);
        Assert.NotNull(Parse(Tap("\"flood\": [ \"239.1.1.1\" ], \"policy\": { \"remoteCheck\": \"count\" }")).Tunnels[0].Group);
    }

    [Fact]
    public void The_uniform_model_copies_the_dscp_in_both_directions_unless_it_is_given()
    {
        Assert.Equal((null as byte?, DscpModel.Uniform), (Policy("\"dscpModel\": \"uniform\"").Dscp, Policy("\"dscpModel\": \"uniform\"").DscpModel));
        Assert.Equal((byte?)0, Policy("\"dscpModel\": \"uniform\", \"dscp\": 0").Dscp);
        Assert.Equal(((byte?)0, DscpModel.Pipe), (Policy("\"dscpModel\": \"pipe\"").Dscp, Policy("\"ttl\": 1").DscpModel));
    }

    [Theory]
    [InlineData("192.0.2.1", "172.16.0.0/16")]
    [InlineData("192.0.2.1", "192.0.0.0/23")]
    [InlineData("2001:db8::1", "100::/64")]
    public void Sources_can_be_sprayed_over_a_prefix(string local, string prefix)
    {
        TunnelPolicy policy = Parse($$"""
            { "tunnels": [ { "name": "a", "kind": "ipip", "local": "{{local}}", "device": { "type": "tun" }, "policy": { "sourceSpray": "{{prefix}}" } } ] }
            """).Tunnels[0].Policy;
        Assert.Equal(System.Net.IPNetwork.Parse(prefix), policy.SourceSpray!.Prefix);
    }

    [Theory]
    [InlineData("\"ecn\": \"rfc6040\"", EcnProfile.Rfc6040)]
    [InlineData("\"ecn\": \"rfc6040-compatibility\"", EcnProfile.Rfc6040Compatibility)]
    [InlineData("\"ecn\": \"rfc3168\"", EcnProfile.Rfc3168)]
    [InlineData("\"ecn\": \"copy\"", EcnProfile.Copy)]
    public void Ecn_words(string key, EcnProfile expected) => Assert.Equal(expected, Policy(key).Ecn);

    [Theory]
    [InlineData("off", SourceCheck.Off)]
    [InlineData("count", SourceCheck.Count)]
    [InlineData("enforce", SourceCheck.Enforce)]
    public void Source_check_words(string word, SourceCheck expected)
    {
        Assert.Equal(expected, Policy($"\"remoteCheck\": \"{word}\"").RemoteCheck);
        Assert.Equal(expected, Policy($"\"martianRemotes\": \"{word}\"").MartianRemotes);
        Assert.Equal(expected, Policy($"\"martianSources\": \"{word}\"").MartianSources);
        Assert.Equal(expected, Policy($"\"innerSourceCheck\": \"{word}\"").InnerSourceCheck);
        Assert.Equal((SourceCheck.Enforce, SourceCheck.Enforce, null as SourceCheck?, SourceCheck.Off),
            (Policy("\"ttl\": 1").RemoteCheck, Policy("\"ttl\": 1").MartianRemotes, Policy("\"ttl\": 1").MartianSources, Policy("\"ttl\": 1").InnerSourceCheck));
    }

    [Theory]
    [InlineData("\"df\": \"unset\"", DontFragmentPolicy.Unset)]
    [InlineData("\"df\": \"set\"", DontFragmentPolicy.Set)]
    [InlineData("\"df\": \"inherit\"", DontFragmentPolicy.Inherit)]
    public void Df_words(string key, DontFragmentPolicy expected) => Assert.Equal(expected, Policy(key).DontFragment);

    [Theory]
    [InlineData("\"innerVlan\": \"keep\"", InnerVlanPolicy.Keep)]
    [InlineData("\"innerVlan\": \"strip\"", InnerVlanPolicy.Strip)]
    [InlineData("\"innerVlan\": \"refuse\"", InnerVlanPolicy.Refuse)]
    public void InnerVlan_words(string key, InnerVlanPolicy expected) => Assert.Equal(expected, Policy(key).InnerVlan);

    [Theory]
    [InlineData("\"reject\"", 0UL)]
    [InlineData("\"ignore\"", 0xF7FF_FFFF_0000_00FFUL)]
    [InlineData("{ \"mask\": \"0400000000000001\" }", 0x0400_0000_0000_0001UL)]
    public void ReservedBits_values(string value, ulong tolerated) => Assert.Equal(tolerated, Policy($"\"reservedBits\": {value}").ReservedBits.Tolerated);

    [Fact]
    public void Remotes_any_is_open_to_all()
    {
        RemotePolicy remotes = Policy("\"remotes\": \"any\"").Remotes;
        Assert.True(remotes.Contains(ValueIPAddress.Parse("203.0.113.9")));
        Assert.Same(RemotePolicy.Known, Policy("\"remotes\": \"known\"").Remotes);
    }

    [Theory]
    [InlineData("\"ttl\": 1", 1)]
    [InlineData("\"ttl\": 255", 255)]
    [InlineData("\"ttl\": \"inherit\"", null)]
    public void Ttl_at_the_edges(string key, int? expected) => Assert.Equal((byte?)expected, Policy(key).Ttl);

    [Theory]
    [InlineData("\"dscp\": 0", 0)]
    [InlineData("\"dscp\": 63", 63)]
    [InlineData("\"dscp\": \"inherit\"", null)]
    public void Dscp_at_the_edges(string key, int? expected) => Assert.Equal((byte?)expected, Policy(key).Dscp);

    [Theory]
    [InlineData("\"mtu\": 68", 68)]
    [InlineData("\"mtu\": 9000", 9000)]
    [InlineData("\"mtu\": 65535", 65535)]
    [InlineData("\"mtu\": \"auto\"", null)]
    [InlineData("\"addresses\": [ \"fd00::1/64\" ], \"mtu\": 1280", 1280)]
    public void Mtu_at_the_edges(string keys, int? expected) => Assert.Equal(expected, Parse(Device(keys)).Tunnels[0].Device.Mtu);

    [Theory]
    [InlineData("\"port\": 1", 1)]
    [InlineData("\"port\": 65535", 65535)]
    public void Port_at_the_edges(string key, int expected) => Assert.Equal(expected, Parse(Tap(key)).Tunnels[0].Endpoint.Port);

    [Theory]
    [InlineData("\"ageSeconds\": 1, \"maxEntries\": 1", 1, 1)]
    [InlineData("\"ageSeconds\": 86400, \"maxEntries\": 1048576", 86400, 1048576)]
    public void Learning_at_the_edges(string keys, int age, int entries)
    {
        LearningConfig learning = Parse(Tap($"\"learning\": {{ {keys} }}")).Tunnels[0].Learning!;
        Assert.Equal((true, age, entries), (learning.Enabled, learning.AgeSeconds, learning.MaxEntries));
    }

    [Fact]
    public void Vni_0_and_the_largest_live_side_by_side_on_one_endpoint()
    {
        DaemonConfig config = Parse(Two("\"name\": \"a\", \"vni\": 0, \"local\": \"192.0.2.1\"", "\"name\": \"b\", \"vni\": 16777215, \"local\": \"192.0.2.1\""));
        Assert.Equal([0u, 16777215u], config.Tunnels.Select(t => t.Vni.Value));
        Assert.Equal(config.Tunnels[0].Endpoint, config.Tunnels[1].Endpoint);
    }

    [Fact]
    public void The_same_vni_may_serve_on_another_port_and_another_local()
    {
        Assert.Equal(2, Parse(Two("\"name\": \"a\", \"vni\": 1, \"local\": \"192.0.2.1\"", "\"name\": \"b\", \"vni\": 1, \"local\": \"192.0.2.1\", \"port\": 8472")).Tunnels.Count);
        Assert.Equal(2, Parse(Two("\"name\": \"a\", \"vni\": 1, \"local\": \"192.0.2.1\"", "\"name\": \"b\", \"vni\": 1, \"local\": \"127.0.0.1\"")).Tunnels.Count);
    }

    [Fact]
    public void A_small_source_port_range_lowers_the_default_count() =>
        Assert.Equal(4, Parse(Tap("\"policy\": { \"sourcePorts\": \"5000-5003\" }")).Tunnels[0].Endpoint.SourcePortCount);

    [Fact]
    public void Cpus_alone_give_the_number_of_workers()
    {
        WorkersConfig workers = Parse(Top("\"workers\": { \"cpus\": [ 3, 1 ], \"spinMicroseconds\": 50 }")).Workers;
        Assert.Equal(2, workers.Count);
        Assert.Equal([3, 1], workers.Cpus);
        Assert.Equal(50, workers.SpinMicroseconds);
        Assert.True(workers.WarmUp);
        Assert.False(Parse(Top("\"workers\": { \"warmUp\": false }")).Workers.WarmUp);
    }

    [Fact]
    public void Link_local_addresses_are_fine_with_a_link() =>
        Assert.Equal(ValueIPAddress.Parse("fe80::1"), Parse("""
            { "tunnels": [ { "name": "a", "kind": "ipip", "local": "fe80::1", "link": "eth0", "device": { "type": "tun" },
              "routes": [ { "prefix": "::/0", "remote": "fe80::2" }, { "prefix": "0.0.0.0/0", "remote": "fe80::2" } ] } ] }
            """).Tunnels[0].Local);

    [Fact]
    public void A_byte_order_mark_and_both_comment_forms_are_fine() =>
        Assert.Single(Parse("\uFEFF/* head\n comment */ " + Tap("// tail")).Tunnels);

    [Fact]
    public void A_long_tunnel_name_is_fine_if_the_device_has_one_of_its_own() =>
        Assert.Equal("tenant blue, rack 7", Parse("""
            { "tunnels": [ { "name": "tenant blue, rack 7", "kind": "vxlan", "vni": 7, "local": "192.0.2.1", "device": { "type": "tap", "name": "blue7" } } ] }
            """).Tunnels[0].Name);

    [Theory]
    [InlineData("vxlan", "\"vni\": 1,", "192.0.2.1", 50)]
    [InlineData("vxlan", "\"vni\": 1,", "2001:db8::1", 70)]
    [InlineData("ipip", "", "192.0.2.1", 20)]
    [InlineData("ipip", "", "2001:db8::1", 40)]
    public void Overhead_by_kind_and_family(string kind, string vni, string local, int expected) =>
        Assert.Equal(expected, Parse($$"""{ "tunnels": [ { "name": "a", "kind": "{{kind}}", {{vni}} "local": "{{local}}", "device": { "type": "tun" } } ] }""").Tunnels[0].Overhead);

    [Fact]
    public void What_learning_makes_of_moves_and_of_a_full_table_is_configured()
    {
        ForwardingTableOptions options = Parse(Tap("\"learning\": { \"maxEntries\": 7, \"whenFull\": \"evict-oldest\", \"moveLimit\": 3, \"moveWindowSeconds\": 60, \"freezeSeconds\": 90 }"))
            .Tunnels[0].Learning!.ToOptions();
        Assert.Equal(
            new ForwardingTableOptions
            {
                MaxEntries = 7, WhenFull = ForwardingOverflow.EvictOldest, MoveLimit = 3, MoveWindow = TimeSpan.FromSeconds(60), FreezeTime = TimeSpan.FromSeconds(90),
            },
            options);
        Assert.Equal(new ForwardingTableOptions(), Parse(Tap("\"learning\": {}")).Tunnels[0].Learning!.ToOptions());
    }

    [Fact]
    public void ToOptions_tells_the_data_path_everything_it_decides_by()
    {
        MacAddress mac = MacAddress.Parse("02:00:00:00:00:01");
        TunnelConfig[] tunnels = [.. Parse(Example).Tunnels];
        Assert.Equal(
            new TunnelOptions { Name = "vx42", Kind = TunnelKind.Vxlan, Vni = new Vni(42), Local = Local, Layer = DeviceLayer.Ethernet, DeviceMac = mac, Learning = true },
            tunnels[0].ToOptions(mac));
        Assert.Equal(
            new TunnelOptions { Name = "l3", Kind = TunnelKind.Vxlan, Vni = new Vni(1), Local = Local, Layer = DeviceLayer.IP, DeviceMac = mac },
            tunnels[1].ToOptions(mac));
        Assert.Equal(
            new TunnelOptions { Name = "ipip0", Kind = TunnelKind.IPInIP, Local = Local, Layer = DeviceLayer.IP },
            tunnels[2].ToOptions(default));
        Assert.False(Parse(Tap("\"learning\": { \"enabled\": false }")).Tunnels[0].ToOptions(mac).Learning);
    }

    [Fact]
    public void A_random_MAC_address_is_unicast_and_locally_administered()
    {
        DeviceConfig device = Parse(Tap("")).Tunnels[0].Device;
        MacAddress[] macs = [.. Enumerable.Range(0, 100).Select(_ => device.ChooseMac())];
        Assert.All(macs, m => Assert.True(m.IsLocal && !m.IsMulticast));
        Assert.Equal(macs.Length, macs.Distinct().Count());
        Assert.Equal(MacAddress.Parse("02:00:00:00:00:01"), Parse(Example).Tunnels[0].Device.ChooseMac());
    }

    private static TunnelPolicy Policy(string key) => Parse(Tap($"\"policy\": {{ {key} }}")).Tunnels[0].Policy;

    [Fact]
    public void A_route_may_have_several_remotes_with_weights()
    {
        TunnelConfig tunnel = Parse("""
            { "tunnels": [ { "name": "ip", "kind": "ipip", "local": "192.0.2.1", "device": { "type": "tun" }, "directRouting": true,
              "routes": [ { "prefix": "10.0.0.0/8", "remotes": [ { "remote": "192.0.2.2" }, { "remote": "192.0.2.3", "weight": 7 } ] } ] } ] }
            """).Tunnels[0];
        RouteMember[] members = [new(new RouteEntry(ValueIPAddress.Parse("192.0.2.2"))), new(new RouteEntry(ValueIPAddress.Parse("192.0.2.3")), 7)];
        Assert.Equal(members, Assert.Single(tunnel.Routes).Members);
        Assert.Equal(members.Select(member => member.Entry.Remote), tunnel.Remotes);
        Assert.True(tunnel.DirectRouting);
    }
}
