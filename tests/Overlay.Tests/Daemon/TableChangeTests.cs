using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>Commands that change tables: what they do, what they refuse, and that a refusal changes nothing (<see cref="TableLab.RefusalAsync"/>).</summary>
public sealed class TableChangeTests
{
    private static readonly MacAddress Station = MacAddress.Parse("02:00:00:00:00:05");
    private static readonly Vni Vni = new(42);

    [Fact]
    public async Task An_entry_is_added_changed_and_removed()
    {
        await using TableLab lab = new();
        Assert.Equal(
            "tap: 02:00:00:00:00:05 goes to 192.0.2.3 (external)",
            await lab.ChangeAsync("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3"}"""));
        Assert.True(lab.Tap.Tables.Forwarding.TryLookup(Vni, Station, out FdbEntry entry));
        Assert.Equal(new FdbEntry(ValueIPAddress.Parse("192.0.2.3"), 0, FdbOrigin.External), entry);
        Assert.True(lab.Tap.Tables.IsKnownRemote(ValueIPAddress.Parse("192.0.2.3")));

        Assert.Equal(
            "tap: 02:00:00:00:00:05 goes to 192.0.2.3 (external), as before",
            await lab.ChangeAsync("fdb-add", """{"tunnel":"tap","mac":"02-00-00-00-00-05","remote":"192.0.2.3"}"""));
        Assert.Equal(
            "tap: 02:00:00:00:00:05 goes to 192.0.2.4 port 99 (external); before: 192.0.2.3 (external)",
            await lab.ChangeAsync("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.4","port":99}"""));
        Assert.False(lab.Tap.Tables.IsKnownRemote(ValueIPAddress.Parse("192.0.2.3")));
        Assert.Equal(
            """{"tunnel":"tap","vni":42,"mac":"02:00:00:00:00:05","remote":"192.0.2.4","port":99,"origin":"external"}""",
            Assert.Single(await lab.ShowAsync("fdb", """{"mac":"02:00:00:00:00:05"}""")));

        Assert.Equal(
            "tap: 02:00:00:00:00:05 removed; before: 192.0.2.4 port 99 (external)",
            await lab.ChangeAsync("fdb-del", """{"tunnel":"tap","mac":"02:00:00:00:00:05"}"""));
        Assert.False(lab.Tap.Tables.Forwarding.TryLookup(Vni, Station, out FdbEntry _));
        Assert.Empty(lab.Log);
    }

    [Fact]
    public async Task An_entry_may_have_a_VNI_of_its_own_which_is_shown_kept_in_a_list_and_a_change()
    {
        await using TableLab lab = new();
        const string Arguments = """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3","port":99,"remoteVni":16777215}""";
        Assert.Equal("tap: 02:00:00:00:00:05 goes to 192.0.2.3 port 99 vni 16777215 (external)", await lab.ChangeAsync("fdb-add", Arguments));
        Assert.Equal("tap: 02:00:00:00:00:05 goes to 192.0.2.3 port 99 vni 16777215 (external), as before", await lab.ChangeAsync("fdb-add", Arguments));
        Assert.True(lab.Tap.Tables.Forwarding.TryLookup(Vni, Station, out FdbEntry entry));
        Assert.Equal(new FdbEntry(ValueIPAddress.Parse("192.0.2.3"), 99, FdbOrigin.External) { Vni = new Vni(16_777_215) }, entry);
        Assert.Equal(
            """{"tunnel":"tap","vni":42,"mac":"02:00:00:00:00:05","remote":"192.0.2.3","port":99,"remoteVni":16777215,"origin":"external"}""",
            Assert.Single(await lab.ShowAsync("fdb", """{"mac":"02:00:00:00:00:05"}""")));
        Assert.Equal(
            "tap: 02:00:00:00:00:05 goes to 192.0.2.3 port 99 vni 0 (external); before: 192.0.2.3 port 99 vni 16777215 (external)",
            await lab.ChangeAsync("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3","port":99,"remoteVni":0}"""));

        // The network's own is no other.
        await lab.ChangeAsync("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3","remoteVni":42}""");
        Assert.Equal(
            """{"tunnel":"tap","vni":42,"mac":"02:00:00:00:00:05","remote":"192.0.2.3","port":4789,"origin":"external"}""",
            Assert.Single(await lab.ShowAsync("fdb", """{"mac":"02:00:00:00:00:05"}""")));
    }

    [Fact]
    public async Task What_was_learned_makes_way_and_does_not_come_back()
    {
        await using TableLab lab = new();
        Assert.True(lab.Tap.Tables.Forwarding.Learn(Vni, Station, ValueIPAddress.Parse("192.0.2.2"), lab.Now));
        Assert.Equal(
            "tap: 02:00:00:00:00:05 goes to 192.0.2.3 (external); before: 192.0.2.2 (learned)",
            await lab.ChangeAsync("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3"}"""));
        Assert.False(lab.Tap.Tables.Forwarding.Learn(Vni, Station, ValueIPAddress.Parse("192.0.2.2"), lab.Now));
    }

    [Theory]
    [InlineData("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:zz","remote":"192.0.2.3"}""", "mac is \"02:00:00:00:00:zz\"; the MAC address of one station, such as 02:00:00:00:00:01, is right")]
    [InlineData("fdb-add", """{"tunnel":"tap","mac":"ff:ff:ff:ff:ff:ff","remote":"192.0.2.3"}""", "mac is \"ff:ff:ff:ff:ff:ff\", the broadcast address; the MAC address of one station, such as 02:00:00:00:00:01, is right")]
    [InlineData("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:01","remote":"192.0.2.3"}""", "mac is \"02:00:00:00:00:01\", that of the tunnel's own device tap; the MAC address of a station behind a remote is right")]
    [InlineData("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"239.1.1.1"}""", "remote is \"239.1.1.1\", a multicast address; the unicast address of the remote is right")]
    [InlineData("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"2001:db8::2"}""", "remote is \"2001:db8::2\", but local 192.0.2.1 is IPv4; an IPv4 address is right")]
    [InlineData("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.1"}""", "remote is \"192.0.2.1\", the tunnel's own local; the address of another host is right")]
    [InlineData("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3","port":65536}""", "port is 65536; a whole number from 1 to 65535 is right")]
    [InlineData("fdb-add", """{"tunnel":"gre","mac":"02:00:00:00:00:05","remote":"192.0.2.3","port":1}""", "\"port\" is not used by a gretap tunnel; leave it out")]
    [InlineData("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3","remoteVni":16777216}""", "remoteVni is 16777216; a whole number from 0 to 16777215 is right")]
    [InlineData("fdb-add", """{"tunnel":"gre","mac":"02:00:00:00:00:05","remote":"192.0.2.3","remoteVni":1}""", "\"remoteVni\" is not used by a gretap tunnel; leave it out")]
    [InlineData("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16"}""", "the request has no \"remote\"; the address of the remote that the prefix lives behind (or \"remotes\", a list) is right; also: the request has no \"mac\"; the inner destination MAC address, the remote device's, is right")]
    [InlineData("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remotes":[]}""", "remotes has 0 entries; 1 to 128 is right")]
    [InlineData("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remotes":[{"remote":"192.0.2.3","mac":"02:00:00:00:00:13"}],"mac":"02:00:00:00:00:13"}""", "\"mac\" is not used beside \"remotes\"; each of the remotes has its own")]
    [InlineData("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remotes":[{"remote":"192.0.2.3","mac":"02:00:00:00:00:13","weight":256}]}""", "weight is 256; a whole number from 1 to 255 is right")]
    [InlineData("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remotes":[{"remote":"192.0.2.3","weight":1}]}""", "a remote of a route has no \"mac\"; the inner destination MAC address, the remote device's, is right")]
    [InlineData("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remotes":[{"remote":"192.0.2.3","mac":"02:00:00:00:00:13"},{"remote":"192.0.2.3","mac":"02:00:00:00:00:14"}]}""", "192.0.2.3 stands in remotes on line 1 already; once is right")]
    [InlineData("flood-add", """{"tunnel":"group","remote":"192.0.2.3"}""", "tunnel group floods to the group 239.1.1.1, of which 192.0.2.3 may be a member, and would get two copies; to join the group there is right")]
    [InlineData("fdb-add", """{"tunnel":"tap","remote":"192.0.2.3"}""", "the request has no \"mac\"; the MAC address of a station is right")]
    [InlineData("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3","prot":1}""", "unknown key \"prot\" in the request; \"port\" is right")]
    [InlineData("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","mac":"02:00:00:00:00:06","remote":"192.0.2.3"}""", "duplicate key \"mac\"; it stands on line 1 already, and once is right")]
    [InlineData("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:02","remote":"192.0.2.3"}""", "02:00:00:00:00:02 is configured to live behind 192.0.2.2; what the configuration says is changed in its file")]
    [InlineData("fdb-add", """{"tunnel":"tab","mac":"02:00:00:00:00:05","remote":"192.0.2.3"}""", "there is no tunnel \"tab\"; this overlayd has \"tap\", \"tun\", \"gre\", \"group\"")]
    [InlineData("fdb-add", """{"mac":"02:00:00:00:00:05","remote":"192.0.2.3"}""", "the request has no \"tunnel\"; the name of a tunnel is right")]
    [InlineData("fdb-add", """{"tunnel":"tun","mac":"02:00:00:00:00:05","remote":"192.0.2.3"}""", "\"fdb\" is not used with a tun device, which tunnel \"tun\" has; \"routes\" lead to remotes there")]
    [InlineData("fdb-add", "[]", "the request is a list; an object is right")]
    [InlineData("fdb-del", """{"tunnel":"tap","mac":"02:00:00:00:00:02"}""", "02:00:00:00:00:02 is configured to live behind 192.0.2.2; what the configuration says is changed in its file")]
    [InlineData("fdb-del", """{"tunnel":"tap","mac":"02:00:00:00:00:05"}""", "tunnel tap has no fdb entry for 02:00:00:00:00:05; 'overlayd show fdb' lists those there are")]
    [InlineData("fdb-flush", """{"tunnel":"tap","remote":"x"}""", "remote is \"x\"; an IP address such as 192.0.2.1 or 2001:db8::1 is right")]
    [InlineData("fdb-flush", """{"tunnel":"tap","all":"yes"}""", "all is \"yes\"; true or false is right")]
    [InlineData("neighbor-add", """{"tunnel":"tap","ip":"224.0.0.1","mac":"02:00:00:00:00:05"}""", "ip is \"224.0.0.1\"; the unicast address of a station is right")]
    [InlineData("neighbor-add", """{"tunnel":"tap","ip":"10.0.0.2","mac":"02:00:00:00:00:05"}""", "10.0.0.2 is configured to be at 02:00:00:00:00:02; what the configuration says is changed in its file")]
    [InlineData("neighbor-del", """{"tunnel":"tap","ip":"10.0.0.3"}""", "tunnel tap has no neighbor 10.0.0.3; 'overlayd show neighbors' lists those there are")]
    [InlineData("neighbor-del", """{"tunnel":"tap","ip":"10.0.0.2"}""", "10.0.0.2 is configured to be at 02:00:00:00:00:02; what the configuration says is changed in its file")]
    [InlineData("route-add", """{"tunnel":"tap","prefix":"10.2.0.0/16","remote":"192.0.2.3","mac":"02:00:00:00:00:13"}""", "\"routes\" is not used with a tap device, which tunnel \"tap\" has; \"fdb\" and \"flood\" lead to remotes there")]
    [InlineData("route-add", """{"tunnel":"tun","prefix":"10.2.0.1/16","remote":"192.0.2.3","mac":"02:00:00:00:00:13"}""", "prefix is \"10.2.0.1/16\", with bits set behind the first 16; \"10.2.0.0/16\" is right")]
    [InlineData("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remote":"192.0.2.3"}""", "the request has no \"mac\"; the inner destination MAC address, the remote device's, is right")]
    [InlineData("route-add", """{"tunnel":"tun","prefix":"10.1.0.0/16","remote":"192.0.2.3","mac":"02:00:00:00:00:13"}""", "10.1.0.0/16 is configured to go to 192.0.2.2; what the configuration says is changed in its file")]
    [InlineData("route-del", """{"tunnel":"tun","prefix":"10.2.0.0/16"}""", "tunnel tun has no route 10.2.0.0/16; 'overlayd show routes' lists those there are")]
    [InlineData("route-del", """{"tunnel":"tun","prefix":"10.1.0.0/16"}""", "10.1.0.0/16 is configured to go to 192.0.2.2; what the configuration says is changed in its file")]
    [InlineData("flood-add", """{"tunnel":"tap","remote":"0.0.0.0"}""", "remote is \"0.0.0.0\", the unspecified address; the unicast address of the remote is right")]
    [InlineData("flood-del", """{"tunnel":"tap","remote":"192.0.2.9"}""", "tunnel tap does not flood to 192.0.2.9; 'overlayd show flood' lists whom it floods to")]
    [InlineData("flood-del", """{"tunnel":"tap","remote":"192.0.2.2"}""", "192.0.2.2 is configured to get copies; what the configuration says is changed in its file")]
    [InlineData("show-fdb", """{"vni":16777216}""", "vni is 16777216; a whole number from 0 to 16777215 is right")]
    [InlineData("show-fdb", """{"mac":"x"}""", "mac is \"x\"; a MAC address such as 02:00:00:00:00:01 is right")]
    [InlineData("show-fdb", """{"remote":"x"}""", "remote is \"x\"; an IP address such as 192.0.2.1 or 2001:db8::1 is right")]
    [InlineData("show-fdb", """{"limit":0}""", "limit is 0; a whole number from 1 is right")]
    [InlineData("show-fdb", """{"tunnel":"x"}""", "there is no tunnel \"x\"; this overlayd has \"tap\", \"tun\", \"gre\", \"group\"")]
    public async Task A_bad_request_is_named_and_changes_nothing(string command, string arguments, string message)
    {
        await using TableLab lab = new();
        Assert.Equal(message, await lab.RefusalAsync(command, arguments));
        Assert.Empty(lab.Log);
    }

    [Fact]
    public async Task All_mistakes_of_a_request_are_named()
    {
        await using TableLab lab = new();
        Assert.Equal(
            "mac is \"x\"; the MAC address of one station, such as 02:00:00:00:00:01, is right; also: remote is \"y\"; an IP address such as 192.0.2.1 or 2001:db8::1 is right",
            await lab.RefusalAsync("fdb-add", """{"tunnel":"tap","mac":"x","remote":"y"}"""));
    }

    [Fact]
    public async Task A_flush_takes_what_was_learned_and_with_all_what_was_added_but_nothing_that_is_configured()
    {
        await using TableLab lab = new();
        ForwardingTable table = lab.Tap.Tables.Forwarding;
        table.Learn(Vni, MacAddress.Parse("02:00:00:00:01:01"), ValueIPAddress.Parse("192.0.2.2"), lab.Now);
        table.Learn(Vni, MacAddress.Parse("02:00:00:00:01:02"), ValueIPAddress.Parse("192.0.2.3"), lab.Now);
        table.Learn(Vni, MacAddress.Parse("02:00:00:00:01:03"), ValueIPAddress.Parse("192.0.2.3"), lab.Now);
        await lab.ChangeAsync("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:05","remote":"192.0.2.3"}""");
        await lab.ChangeAsync("fdb-add", """{"tunnel":"tap","mac":"02:00:00:00:00:06","remote":"192.0.2.4"}""");

        Assert.Equal("tap: 2 learned entries towards 192.0.2.3 removed", await lab.ChangeAsync("fdb-flush", """{"tunnel":"tap","remote":"192.0.2.3"}"""));
        Assert.Equal("tap: 1 learned entries removed", await lab.ChangeAsync("fdb-flush", """{"tunnel":"tap"}"""));
        Assert.Equal(3, table.Count);
        Assert.Equal("tap: 1 learned and added entries towards 192.0.2.4 removed", await lab.ChangeAsync("fdb-flush", """{"tunnel":"tap","remote":"192.0.2.4","all":true}"""));
        Assert.Equal("tap: 1 learned and added entries removed", await lab.ChangeAsync("fdb-flush", """{"tunnel":"tap","all":true}"""));
        Assert.Equal("02:00:00:00:00:02", Assert.Single(table.Snapshot(0)).Mac.ToString());
    }

    [Fact]
    public async Task A_neighbor_is_added_changed_and_removed()
    {
        await using TableLab lab = new();
        ValueIPAddress address = ValueIPAddress.Parse("fd00::5");
        Assert.Equal("tap: fd00::5 is at 02:00:00:00:00:05", await lab.ChangeAsync("neighbor-add", """{"tunnel":"tap","ip":"fd00::5","mac":"02:00:00:00:00:05"}"""));
        Assert.Equal("tap: fd00::5 is at 02:00:00:00:00:06; before: 02:00:00:00:00:05", await lab.ChangeAsync("neighbor-add", """{"tunnel":"tap","ip":"fd00::5","mac":"02:00:00:00:00:06"}"""));
        Assert.True(lab.Tap.Tables.Neighbors.TryLookup(Vni, address, out MacAddress mac));
        Assert.Equal("02:00:00:00:00:06", mac.ToString());
        Assert.Equal(
            [
                """{"tunnel":"tap","vni":42,"ip":"10.0.0.2","mac":"02:00:00:00:00:02","origin":"static"}""",
                """{"tunnel":"tap","vni":42,"ip":"fd00::5","mac":"02:00:00:00:00:06","origin":"external"}""",
            ],
            await lab.ShowAsync("neighbors"));
        Assert.Equal("tap: fd00::5 removed; before: 02:00:00:00:00:06", await lab.ChangeAsync("neighbor-del", """{"tunnel":"tap","ip":"fd00::5"}"""));
        Assert.False(lab.Tap.Tables.Neighbors.TryLookup(Vni, address, out MacAddress _));
    }

    [Fact]
    public async Task A_route_is_added_changed_and_removed_and_so_is_the_kernels()
    {
        await using TableLab lab = new();
        Assert.Equal("tun: 10.2.0.0/16 goes to 192.0.2.3", await lab.ChangeAsync("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remote":"192.0.2.3","mac":"02:00:00:00:00:13"}"""));
        Assert.Equal(["10.2.0.0/16 dev tun"], lab.KernelRoutes);
        Assert.Equal(
            "tun: 10.2.0.0/16 goes to 192.0.2.4; before: 192.0.2.3",
            await lab.ChangeAsync("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remote":"192.0.2.4","mac":"02:00:00:00:00:14"}"""));
        Assert.Equal(["10.2.0.0/16 dev tun"], lab.KernelRoutes);
        Assert.Equal(
            [
                """{"tunnel":"tun","vni":7,"prefix":"10.1.0.0/16","remote":"192.0.2.2","mac":"02:00:00:00:00:12","origin":"static"}""",
                """{"tunnel":"tun","vni":7,"prefix":"10.2.0.0/16","remote":"192.0.2.4","mac":"02:00:00:00:00:14","origin":"external"}""",
            ],
            await lab.ShowAsync("routes"));
        Assert.Equal("tun: 10.2.0.0/16 removed; before: 192.0.2.4", await lab.ChangeAsync("route-del", """{"tunnel":"tun","prefix":"10.2.0.0/16"}"""));
        Assert.Empty(lab.KernelRoutes);
        Assert.Single(await lab.ShowAsync("routes"));
    }

    [Fact]
    public async Task A_route_may_lead_to_several_remotes_with_weights()
    {
        await using TableLab lab = new();
        const string Two = """{"tunnel":"tun","prefix":"10.2.0.0/16","remotes":[{"remote":"192.0.2.3","mac":"02:00:00:00:00:13","weight":3},{"remote":"192.0.2.4","mac":"02:00:00:00:00:14"}]}""";
        Assert.Equal("tun: 10.2.0.0/16 goes to 192.0.2.3 weight 3, 192.0.2.4 weight 1", await lab.ChangeAsync("route-add", Two));
        Assert.Equal("tun: 10.2.0.0/16 goes to 192.0.2.3 weight 3, 192.0.2.4 weight 1, as before", await lab.ChangeAsync("route-add", Two));
        Assert.Equal(["10.2.0.0/16 dev tun"], lab.KernelRoutes);
        Assert.Equal(
            [
                """{"tunnel":"tun","vni":7,"prefix":"10.2.0.0/16","remote":"192.0.2.3","mac":"02:00:00:00:00:13","weight":3,"origin":"external"}""",
                """{"tunnel":"tun","vni":7,"prefix":"10.2.0.0/16","remote":"192.0.2.4","mac":"02:00:00:00:00:14","weight":1,"origin":"external"}""",
            ],
            (await lab.ShowAsync("routes"))[1..]);
        Assert.True(lab.Tun.Tables.IsKnownRemote(ValueIPAddress.Parse("192.0.2.4")));

        // Every flow has its bucket: three in four go to the first.
        int first = Enumerable.Range(0, 4_096).Count(i =>
            lab.Tun.Tables.Routes.TryLookup(ValueIPAddress.Parse("10.2.0.1"), (uint)i * 0x9E37_79B9u, out RouteEntry entry) && entry.Remote == ValueIPAddress.Parse("192.0.2.3"));
        Assert.InRange(first, 2_900, 3_250);

        Assert.Equal(
            "tun: 10.2.0.0/16 goes to 192.0.2.4; before: 192.0.2.3 weight 3, 192.0.2.4 weight 1",
            await lab.ChangeAsync("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remotes":[{"remote":"192.0.2.4","mac":"02:00:00:00:00:14","weight":9}]}"""));
        Assert.Equal(
            "tun: 10.2.0.0/16 goes to 192.0.2.4, as before",
            await lab.ChangeAsync("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remote":"192.0.2.4","mac":"02:00:00:00:00:14"}"""));
        Assert.False(lab.Tun.Tables.IsKnownRemote(ValueIPAddress.Parse("192.0.2.3")));
        Assert.Equal("tun: 10.2.0.0/16 removed; before: 192.0.2.4", await lab.ChangeAsync("route-del", """{"tunnel":"tun","prefix":"10.2.0.0/16"}"""));
        Assert.Empty(lab.KernelRoutes);
    }

    [Fact]
    public async Task A_route_that_the_kernel_refuses_is_not_there()
    {
        await using TableLab lab = new() { KernelRefusal = new IOException("tun is down") };
        Assert.Equal(
            "the kernel has no route 10.2.0.0/16 by tun, so nothing was changed: tun is down",
            await lab.RefusalAsync("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remote":"192.0.2.3","mac":"02:00:00:00:00:13"}"""));
        Assert.False(lab.Tun.Tables.IsKnownRemote(ValueIPAddress.Parse("192.0.2.3")));

        await lab.ChangeAsync("route-add", """{"tunnel":"tun","prefix":"10.2.0.0/16","remote":"192.0.2.3","mac":"02:00:00:00:00:13"}""");
        lab.KernelRefusal = new IOException("no");
        Assert.Equal(
            "the kernel keeps its route 10.2.0.0/16 by tun, so nothing was changed: no",
            await lab.RefusalAsync("route-del", """{"tunnel":"tun","prefix":"10.2.0.0/16"}"""));
    }

    [Fact]
    public async Task A_remote_is_flooded_to_and_no_more()
    {
        await using TableLab lab = new();
        Assert.Equal("tap: 192.0.2.9 gets copies of what is flooded", await lab.ChangeAsync("flood-add", """{"tunnel":"tap","remote":"192.0.2.9"}"""));
        Assert.Equal("tap: 192.0.2.9 gets copies of what is flooded, as before", await lab.ChangeAsync("flood-add", """{"tunnel":"tap","remote":"192.0.2.9"}"""));
        Assert.Equal(
            ["""{"tunnel":"tap","vni":42,"remote":"192.0.2.2","origin":"static"}""", """{"tunnel":"tap","vni":42,"remote":"192.0.2.9","origin":"external"}"""],
            await lab.ShowAsync("flood", """{"tunnel":"tap"}"""));
        Assert.Equal("tap: 192.0.2.9 gets no more copies", await lab.ChangeAsync("flood-del", """{"tunnel":"tap","remote":"192.0.2.9"}"""));
        Assert.Single(await lab.ShowAsync("flood", """{"tunnel":"tap"}"""));
    }
}
