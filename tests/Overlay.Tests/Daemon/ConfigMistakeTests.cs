using System.Text;
using Xunit;
using static Overlay.Tests.Daemon.ConfigSamples;

namespace Overlay.Tests.Daemon;

/// <summary>Bad configurations: what is said, and on which line.</summary>
public class ConfigMistakeTests
{
    private const string Unicast = "an IP address such as 192.0.2.1 or 2001:db8::1 is right";
    private const string Station = "the MAC address of one station, such as 02:00:00:00:00:01, is right";
    private const string Interface = "1 to 15 bytes without /, :, % and white space, other than \".\" and \"..\", is right";

    public static TheoryData<string, string, string[]> Table => new()
    {
        // Not JSON.
        { "empty", "", ["f:1: the file is empty; an object with \"tunnels\" is right"] },
        { "blank", " \n\t\r\n ", ["f:1: the file is empty; an object with \"tunnels\" is right"] },
        { "list on top", "[]", ["f:1: the top level is a list; an object is right"] },
        { "number on top", "\n\n7", ["f:3: the top level is 7; an object is right"] },
        { "no tunnels", "\n{ }", ["f:2: the top level has no \"tunnels\"; a list of at least one tunnel is right"] },
        { "empty tunnels", "{\n\"tunnels\": [] }", ["f:2: tunnels is an empty list; at least one tunnel is right"] },
        { "tunnels an object", "{ \"tunnels\": {} }", ["f:1: tunnels is an object; a list is right"] },
        { "tunnel a string", "{ \"tunnels\": [\n\"vx\" ] }", ["f:2: a tunnel is \"vx\"; an object is right"] },
        { "half a surrogate pair", Tap("\"link\": \"\\ud800\","), ["f:3: a string holds half of a surrogate pair (\\ud800 to \\udfff alone); whole characters are right", $"f:3: link is \"\"; {Interface}"] },

        // Keys.
        { "unknown key with a near one", Tap("\"vnii\": 2"), ["f:3: unknown key \"vnii\" in a tunnel; \"vni\" is right"] },
        { "unknown key in another case", Tap("\"Port\": 2"), ["f:3: unknown key \"Port\" in a tunnel; \"port\" is right"] },
        { "unknown key", Device("\"colour\": 2"), ["f:3: unknown key \"colour\" in device; its keys are type, name, addresses, mac, mtu"] },
        { "unknown top-level key", Top("\"worker\": {}"), ["f:3: unknown key \"worker\" in the top level; \"workers\" is right"] },
        { "unknown control key", Top("\"control\": { \"sokcet\": \"/s\" }"), ["f:3: unknown key \"sokcet\" in control; \"socket\" is right"] },
        { "unknown policy key", Tap("\"policy\": { \"remote\": \"any\" }"), ["f:3: unknown key \"remote\" in policy; \"remotes\" is right"] },
        { "unknown offload key", Tap("\"offload\": { \"lro\": true }"), ["f:3: unknown key \"lro\" in offload; \"gro\" is right"] },
        { "unknown learning key", Tap("\"learning\": { \"age\": 1 }"), ["f:3: unknown key \"age\" in learning; its keys are enabled, ageSeconds, maxEntries, whenFull, moveLimit, moveWindowSeconds, freezeSeconds, neighbors"] },
        { "unknown fdb key", Tap("\"fdb\": [ { \"mac\": \"02:00:00:00:00:02\", \"remote\": \"192.0.2.2\", \"vtep\": 1 } ]"), ["f:3: unknown key \"vtep\" in an fdb entry; its keys are mac, remote, port, remoteVni"] },
        { "fdb numbers", Tap("\"fdb\": [ { \"mac\": \"02:00:00:00:00:02\", \"remote\": \"192.0.2.2\", \"port\": 0,\n\"remoteVni\": 16777216 } ]"), ["f:3: port is 0; a whole number from 1 to 65535 is right", "f:4: remoteVni is 16777216; a whole number from 0 to 16777215 is right"] },
        { "fdb numbers of gretap", Kind("gretap", "tap", "\"fdb\": [ { \"mac\": \"02:00:00:00:00:02\", \"remote\": \"192.0.2.2\", \"port\": 1,\n\"remoteVni\": 1 } ]"), ["f:3: \"port\" is not used by a gretap tunnel; leave it out", "f:4: \"remoteVni\" is not used by a gretap tunnel; leave it out"] },
        { "duplicate key", Tap("\"name\": \"b\""), ["f:3: duplicate key \"name\"; it stands on line 1 already, and once is right"] },
        { "duplicate key in a policy", Tap("\"policy\": { \"ttl\": 1,\n\"ttl\": 2 }"), ["f:4: duplicate key \"ttl\"; it stands on line 3 already, and once is right"] },

        // Required keys.
        { "nothing in a tunnel", "{ \"tunnels\": [\n{} ] }",
            ["f:2: a tunnel has no \"name\"; a name for status and messages is right", "f:2: a tunnel has no \"kind\"; \"vxlan\", \"vxlan-gpe\", \"geneve\", \"gre\", \"gretap\", \"ipip\", \"gue\", \"fou\" or \"udp\" is right",
             "f:2: a tunnel has no \"device\"; an object with at least a \"type\" is right", "f:2: a tunnel has no \"local\"; the underlay address of this end is right"] },
        { "no vni", "{ \"tunnels\": [\n{ \"name\": \"a\", \"kind\": \"vxlan\", \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tap\" } } ] }", ["f:2: a tunnel has no \"vni\"; a number from 0 to 16777215 is right"] },
        { "no device type", "{ \"tunnels\": [\n{ \"name\": \"a\", \"kind\": \"ipip\", \"local\": \"192.0.2.1\",\n\"device\": {} } ] }", ["f:3: device has no \"type\"; \"tun\" is right"] },
        { "fdb without remote", Tap("\"fdb\": [ { \"mac\": \"02:00:00:00:00:02\" } ]"), ["f:3: an fdb entry has no \"remote\"; the address of the VTEP that the station lives behind is right"] },
        { "neighbor without mac", Tap("\"neighbors\": [ { \"ip\": \"10.0.0.2\" } ]"), ["f:3: a neighbor has no \"mac\"; the MAC address of the station is right"] },
        { "VXLAN route without mac", Tun("\"routes\": [ { \"prefix\": \"10.0.0.0/8\", \"remote\": \"192.0.2.2\" } ]"), ["f:3: a route has no \"mac\"; the inner destination MAC address, the remote device's, is right"] },
        { "directRouting on tap", Tap("\"directRouting\": true"), ["f:3: \"directRouting\" is not used with a tap device; leave it out"] },
        { "remote beside remotes", Ipip("\"routes\": [ { \"prefix\": \"10.0.0.0/8\", \"remote\": \"192.0.2.2\", \"remotes\": [ { \"remote\": \"192.0.2.3\" } ] } ]"), ["f:3: \"remote\" is not used beside \"remotes\"; leave it out"] },
        { "no remotes", Ipip("\"routes\": [ { \"prefix\": \"10.0.0.0/8\",\n\"remotes\": [] } ]"), ["f:4: remotes has 0 entries; 1 to 128 is right"] },
        { "remotes with one twice", Ipip("\"routes\": [ { \"prefix\": \"10.0.0.0/8\", \"remotes\": [ { \"remote\": \"192.0.2.3\" },\n{ \"remote\": \"192.0.2.3\" } ] } ]"), ["f:4: 192.0.2.3 stands in remotes on line 3 already; once is right"] },
        { "weight of a remote", Ipip("\"routes\": [ { \"prefix\": \"10.0.0.0/8\", \"remotes\": [ { \"remote\": \"192.0.2.3\",\n\"weight\": 0 } ] } ]"), ["f:4: weight is 0; a whole number from 1 to 255 is right"] },
        { "VXLAN remotes without mac", Tun("\"routes\": [ { \"prefix\": \"10.0.0.0/8\", \"remotes\": [\n{ \"remote\": \"192.0.2.2\" } ] } ]"), ["f:4: a remote of a route has no \"mac\"; the inner destination MAC address, the remote device's, is right"] },
        { "route without prefix", Ipip("\"routes\": [ { \"remote\": \"192.0.2.2\" } ]"), ["f:3: a route has no \"prefix\"; the inner prefix is right"] },
        { "mask without mask", Tap("\"policy\": { \"reservedBits\": {} }"), ["f:3: policy.reservedBits has no \"mask\"; 16 hexadecimal digits of bits to tolerate is right"] },

        // Kinds and what belongs to them.
        { "geneve without vni", Kind("geneve", "tap", "\"port\": 6081"), ["f:1: a tunnel has no \"vni\"; a number from 0 to 16777215 is right"] },
        { "vni on gue", Kind("gue", "tun", "\"vni\": 1"), ["f:3: \"vni\" is not used by a gue tunnel; leave it out"] },
        { "fou without port", Kind("fou", "tun", "\"routes\": []"), ["f:1: a tunnel has no \"port\"; a number from 1 to 65535, the same at both ends, is right"] },
        { "gue on tap", Kind("gue", "tap", "\"port\": 6080"), ["f:2: device.type is \"tap\", but gue carries IP and no Ethernet; \"tun\" is right"] },
        { "udp on tap", Kind("udp", "tap", "\"port\": 8285"), ["f:2: device.type is \"tap\", but udp carries IP and no Ethernet; \"tun\" is right"] },
        { "flood on udp", Kind("udp", "tun", "\"flood\": []"), ["f:3: \"flood\" is not used by a udp tunnel; \"routes\" lead to remotes there"] },
        { "mac of a geneve route", Kind("geneve", "tun", "\"vni\": 1, \"routes\": [ { \"prefix\": \"10.0.0.0/8\", \"remote\": \"192.0.2.2\", \"mac\": \"02:00:00:00:00:02\" } ]"), ["f:3: \"mac\" is not used by a geneve tunnel; leave it out"] },
        { "mac of a tun device of geneve", Kind("geneve", "tun\", \"mac\": \"02:00:00:00:00:02", "\"vni\": 1"), ["f:2: \"mac\" is not used with a tun device; leave it out"] },
        { "gbp on geneve", Kind("geneve", "tap", "\"vni\": 1, \"gbp\": 7"), ["f:3: \"gbp\" is not used by a geneve tunnel; leave it out"] },
        { "gbp too large", Tap("\"gbp\": 65536"), ["f:3: gbp is 65536; a whole number from 0 to 65535 is right"] },
        { "gbp with tunnelGso", Tap("\"gbp\": 1, \"transport\": \"tunnelGso\""), ["f:3: transport is \"tunnelGso\", which is not available for vxlan with gbp in this version; \"udp\" is right"] },
        { "geneve with tunnelGso", Kind("geneve", "tap", "\"vni\": 1, \"transport\": \"tunnelGso\""), ["f:3: transport is \"tunnelGso\", which is not available for geneve in this version; \"udp\" is right"] },
        { "options on vxlan", Tap("\"options\": []"), ["f:3: \"options\" is not used by a vxlan tunnel; leave it out"] },
        { "an option without class", Kind("geneve", "tap", "\"vni\": 1, \"options\": [ { \"type\": 1 } ]"), ["f:3: an option has no \"class\"; a number from 0 to 65535 is right"] },
        { "an option of half a word", Kind("geneve", "tap", "\"vni\": 1, \"options\": [ { \"class\": 1, \"type\": 1, \"data\": \"0000\" } ]"),
            ["f:3: data is \"0000\"; a text of hexadecimal digits, 0 to 124 bytes in words of four, is right"] },
        { "an option of no digits", Kind("geneve", "tap", "\"vni\": 1, \"options\": [ { \"class\": 1, \"type\": 1, \"data\": \"0000000g\" } ]"),
            ["f:3: data is \"0000000g\"; a text of hexadecimal digits, 0 to 124 bytes in words of four, is right"] },
        { "an option too many", Kind("geneve", "tap", $"\"vni\": 1, \"options\": [ {string.Join(", ", Enumerable.Repeat("{ \"class\": 1, \"type\": 1 }", 63))},\n{{ \"class\": 1, \"type\": 1 }} ]"),
            ["f:4: the options exceed 252 bytes, 4 and the data for each; fewer or shorter ones are right"] },
        { "reservedBits on geneve", Kind("geneve", "tap", "\"vni\": 1, \"policy\": { \"reservedBits\": \"ignore\" }"), ["f:3: \"reservedBits\" is not used by a geneve tunnel; leave it out"] },
        { "innerVlan on fou", Kind("fou", "tun", "\"port\": 5555, \"policy\": { \"innerVlan\": \"strip\" }"), ["f:3: \"innerVlan\" is not used by a fou tunnel; leave it out"] },
        { "two kinds on one port", Two("\"name\": \"a\", \"vni\": 1, \"local\": \"192.0.2.1\"", "\"name\": \"b\", \"vni\": 2, \"local\": \"192.0.2.1\"").Replace("\"vxlan\", \"name\": \"b\"", "\"geneve\", \"port\": 4789, \"name\": \"b\"", StringComparison.Ordinal),
            ["f:3: 192.0.2.1:4789 would speak geneve here and vxlan in tunnel \"a\" on line 2; another port or local is right"] },
        { "two gue tunnels on one endpoint", "{ \"tunnels\": [\n{ \"name\": \"a\", \"kind\": \"gue\", \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tun\" } },\n{ \"name\": \"b\", \"kind\": \"gue\", \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tun\" } } ] }",
            ["f:3: gue on 192.0.2.1:6080 belongs to tunnel \"a\" on line 2; one gue tunnel for each local and port is right"] },
        { "6in4", Tunnel("6in4"), ["f:2: kind \"6in4\" is not known; \"ipip\" is right: the families of local and of the inner packet decide"] },
        { "no kind at all", Tunnel("VXLAN"), ["f:2: kind is \"VXLAN\"; \"vxlan\", \"vxlan-gpe\", \"geneve\", \"gre\", \"gretap\", \"ipip\", \"gue\", \"fou\" or \"udp\" is right"] },
        { "transport tcp", Tap("\"transport\": \"tcp\""), ["f:3: transport is \"tcp\"; \"udp\" or \"tunnelGso\" is right"] },
        { "routes on tap", Tap("\"routes\": []"), ["f:3: \"routes\" is not used with a tap device; \"fdb\" and \"flood\" lead to remotes there"] },
        { "flood on tun", Tun("\"flood\": [ \"192.0.2.2\" ]"), ["f:3: \"flood\" is not used with a tun device; \"routes\" lead to remotes there"] },
        { "fdb on tun", Tun("\"fdb\": []"), ["f:3: \"fdb\" is not used with a tun device; \"routes\" lead to remotes there"] },
        { "neighbors on tun", Tun("\"neighbors\": []"), ["f:3: \"neighbors\" is not used with a tun device; leave it out"] },
        { "learning on tun", Tun("\"learning\": { \"enabled\": false }"), ["f:3: \"learning\" is not used with a tun device; leave it out"] },
        { "vni on ipip", Ipip("\"vni\": 1"), ["f:3: \"vni\" is not used by an ipip tunnel; leave it out"] },
        { "port on ipip", Ipip("\"port\": 4789"), ["f:3: \"port\" is not used by an ipip tunnel; leave it out"] },
        { "transport udp on ipip", Ipip("\"transport\": \"udp\""), ["f:3: transport is \"udp\"; \"raw\" or \"tunnelGso\" is right"] },
        { "flood, fdb, neighbors and learning on ipip", Ipip("\"flood\": [],\n\"fdb\": [],\n\"neighbors\": [],\n\"learning\": {}"),
            ["f:3: \"flood\" is not used by an ipip tunnel; \"routes\" lead to remotes there", "f:4: \"fdb\" is not used by an ipip tunnel; \"routes\" lead to remotes there",
             "f:5: \"neighbors\" is not used by an ipip tunnel; leave it out", "f:6: \"learning\" is not used by an ipip tunnel; leave it out"] },
        { "UDP policies on ipip", Ipip("\"policy\": { \"reservedBits\": \"ignore\",\n\"outerChecksum\": \"on\",\n\"zeroChecksumIpv6\": \"accept\",\n\"innerVlan\": \"keep\",\n\"sourcePorts\": \"1-2\",\n\"sourcePortCount\": 1 }"),
            ["f:3: \"reservedBits\" is not used by an ipip tunnel; leave it out", "f:4: \"outerChecksum\" is not used by an ipip tunnel; leave it out",
             "f:5: \"zeroChecksumIpv6\" is not used by an ipip tunnel; leave it out", "f:6: \"innerVlan\" is not used by an ipip tunnel; leave it out",
             "f:7: \"sourcePorts\" is not used by an ipip tunnel; leave it out", "f:8: \"sourcePortCount\" is not used by an ipip tunnel; leave it out"] },
        { "dscpModel", Tap("\"policy\": { \"dscpModel\": \"short-pipe\" }"), ["f:3: policy.dscpModel is \"short-pipe\"; \"pipe\" or \"uniform\" is right"] },
        { "remoteCheck", Tap("\"policy\": { \"remoteCheck\": \"strict\" }"), ["f:3: policy.remoteCheck is \"strict\"; \"off\", \"count\" or \"enforce\" is right"] },
        { "martian checks", Ipip("\"policy\": { \"martianRemotes\": true,\n\"martianSources\": 1,\n\"innerSourceCheck\": \"drop\" }"),
            ["f:3: policy.martianRemotes is true; \"off\", \"count\" or \"enforce\" is right", "f:4: policy.martianSources is 1; \"off\", \"count\" or \"enforce\" is right",
             "f:5: policy.innerSourceCheck is \"drop\"; \"off\", \"count\" or \"enforce\" is right"] },
        { "floodLimit on tun", Tun("\"policy\": { \"floodLimit\": {} }"), ["f:3: \"floodLimit\" is not used with a tun device; nothing is flooded there"] },
        { "floodLimit on ipip", Ipip("\"policy\": { \"floodLimit\": {} }"), ["f:3: \"floodLimit\" is not used by an ipip tunnel; nothing is flooded there"] },
        { "floodLimit a number", Tap("\"policy\": { \"floodLimit\": 5 }"), ["f:3: policy.floodLimit is 5; an object is right"] },
        { "floodLimit of a class that is none", Tap("\"policy\": { \"floodLimit\": { \"unicast\": {} } }"),
            ["f:3: unknown key \"unicast\" in policy.floodLimit; \"multicast\" is right"] },
        { "floodLimit without a rate", Tap("\"policy\": { \"floodLimit\": { \"broadcast\": { \"burst\": 1 } } }"),
            ["f:3: policy.floodLimit.broadcast has no \"packetsPerSecond\"; a number from 1 to 10000000 is right"] },
        { "floodLimit out of range", Tap("\"policy\": { \"floodLimit\": { \"multicast\": { \"packetsPerSecond\": 0,\n\"burst\": 10000001 } } }"),
            ["f:3: policy.floodLimit.multicast.packetsPerSecond is 0; a whole number from 1 to 10000000 is right",
             "f:4: policy.floodLimit.multicast.burst is 10000001; a whole number from 1 to 10000000 is right"] },
        { "flowLabel", Tap("\"policy\": { \"flowLabel\": false }"), ["f:3: policy.flowLabel is false; \"on\" or \"off\" is right"] },
        { "sourceSpray with ports", Tap("\"policy\": { \"sourceSpray\": \"172.16.0.0/16\" }"),
            ["f:3: \"sourceSpray\" is not used by a tunnel with ports, which spread flows already; leave it out"] },
        { "sourceSpray no prefix", Ipip("\"policy\": { \"sourceSpray\": \"172.16.0.1\" }"), ["f:3: policy.sourceSpray is \"172.16.0.1\", without a prefix length; \"172.16.0.1/32\" is right"] },
        { "sourceSpray one address", Ipip("\"policy\": { \"sourceSpray\": \"172.16.0.1/32\" }"),
            ["f:3: policy.sourceSpray is \"172.16.0.1/32\"; a unicast prefix, IPv4 with 8 to 31 bits or IPv6 with 8 to 127 is right"] },
        { "sourceSpray multicast", Ipip("\"policy\": { \"sourceSpray\": \"224.1.0.0/16\" }"),
            ["f:3: policy.sourceSpray is \"224.1.0.0/16\"; a unicast prefix, IPv4 with 8 to 31 bits or IPv6 with 8 to 127 is right"] },
        { "sourceSpray of the other family", Ipip("\"policy\": { \"sourceSpray\": \"100::/64\" }"),
            ["f:3: policy.sourceSpray is \"100::/64\", but local 192.0.2.1 is IPv4; an IPv4 address is right"] },
        { "sourceSpray over a remote", Ipip("\"policy\": { \"sourceSpray\": \"192.0.2.0/24\" },\n\"routes\": [ { \"prefix\": \"10.0.0.0/8\", \"remote\": \"192.0.2.2\" } ]"),
            ["f:3: policy.sourceSpray is \"192.0.2.0/24\", in which the remote 192.0.2.2 lies; a prefix without remotes is right"] },
        { "sourceSpray with tunnelGso", Ipip("\"policy\": { \"sourceSpray\": \"172.16.0.0/16\" },\n\"transport\": \"tunnelGso\""),
            ["f:3: policy.sourceSpray has no use for transport \"tunnelGso\", which sends from one address; \"raw\" is right"] },
        { "mac of a route on ipip", Ipip("\"routes\": [ { \"prefix\": \"10.0.0.0/8\", \"remote\": \"192.0.2.2\", \"mac\": \"02:00:00:00:00:02\" } ]"), ["f:3: \"mac\" is not used by an ipip tunnel; leave it out"] },
        { "mac of the device on ipip", "{ \"tunnels\": [ { \"name\": \"a\", \"kind\": \"ipip\", \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tun\",\n\"mac\": \"02:00:00:00:00:02\" } } ] }", ["f:2: \"mac\" is not used by an ipip tunnel; leave it out"] },
        { "ipip on tap", "{ \"tunnels\": [ { \"name\": \"a\", \"kind\": \"ipip\", \"local\": \"192.0.2.1\", \"device\": {\n\"type\": \"tap\" } } ] }", ["f:2: device.type is \"tap\", but ipip carries IP and no Ethernet; \"tun\" is right"] },
        { "device type", "{ \"tunnels\": [ { \"name\": \"a\", \"kind\": \"vxlan\", \"vni\": 1, \"local\": \"192.0.2.1\", \"device\": {\n\"type\": \"veth\" } } ] }", ["f:2: device.type is \"veth\"; \"tap\" or \"tun\" is right"] },

        // Numbers and words.
        { "vni too large", Two("\"name\": \"a\", \"vni\": 16777216, \"local\": \"192.0.2.1\"", "\"name\": \"b\", \"vni\": -1, \"local\": \"192.0.2.1\""),
            ["f:2: vni is 16777216; a whole number from 0 to 16777215 is right", "f:3: vni is -1; a whole number from 0 to 16777215 is right"] },
        { "vni as text", Two("\"name\": \"a\", \"vni\": \"42\", \"local\": \"192.0.2.1\"", "\"name\": \"b\", \"vni\": 1.5, \"local\": \"192.0.2.1\""),
            ["f:2: vni is \"42\"; a whole number from 0 to 16777215 is right", "f:3: vni is 1.5; a whole number from 0 to 16777215 is right"] },
        { "port 0", Tap("\"port\": 0"), ["f:3: port is 0; a whole number from 1 to 65535 is right"] },
        { "port 65536", Tap("\"port\": 65536"), ["f:3: port is 65536; a whole number from 1 to 65535 is right"] },
        { "port null", Tap("\"port\": null"), ["f:3: port is null; a whole number from 1 to 65535 is right"] },
        { "port beyond 64 bits", Tap("\"port\": 99999999999999999999"), ["f:3: port is 99999999999999999999; a whole number from 1 to 65535 is right"] },
        { "mtu 67", Device("\"mtu\": 67"), ["f:3: device.mtu is 67; a whole number from 68 to 65535 or \"auto\" is right"] },
        { "mtu 65536", Device("\"mtu\": 65536"), ["f:3: device.mtu is 65536; a whole number from 68 to 65535 or \"auto\" is right"] },
        { "mtu word", Device("\"mtu\": \"max\""), ["f:3: device.mtu is \"max\"; a whole number from 68 to 65535 or \"auto\" is right"] },
        { "mtu below IPv6", Device("\"addresses\": [ \"2001:db8::1/64\" ], \"mtu\": 1279"), ["f:3: device.mtu is 1279, but the device has an IPv6 address; at least 1280 is right"] },
        { "ttl 0", Tap("\"policy\": { \"ttl\": 0 }"), ["f:3: policy.ttl is 0; a whole number from 1 to 255 or \"inherit\" is right"] },
        { "ttl 256", Tap("\"policy\": { \"ttl\": 256 }"), ["f:3: policy.ttl is 256; a whole number from 1 to 255 or \"inherit\" is right"] },
        { "dscp 64", Tap("\"policy\": { \"dscp\": 64 }"), ["f:3: policy.dscp is 64; a whole number from 0 to 63 or \"inherit\" is right"] },
        { "ecn", Tap("\"policy\": { \"ecn\": \"off\" }"), ["f:3: policy.ecn is \"off\"; \"rfc6040\", \"rfc6040-compatibility\", \"rfc3168\" or \"copy\" is right"] },
        { "df", Tap("\"policy\": { \"df\": true }"), ["f:3: policy.df is true; \"unset\", \"set\" or \"inherit\" is right"] },
        { "outerChecksum", Tap("\"policy\": { \"outerChecksum\": true }"), ["f:3: policy.outerChecksum is true; \"on\" or \"off\" is right"] },
        { "zeroChecksumIpv6", Tap("\"policy\": { \"zeroChecksumIpv6\": \"yes\" }"), ["f:3: policy.zeroChecksumIpv6 is \"yes\"; \"reject\" or \"accept\" is right"] },
        { "innerVlan", Tap("\"policy\": { \"innerVlan\": \"drop\" }"), ["f:3: policy.innerVlan is \"drop\"; \"keep\", \"strip\" or \"refuse\" is right"] },
        { "reservedBits", Tap("\"policy\": { \"reservedBits\": \"accept\" }"), ["f:3: policy.reservedBits is \"accept\"; \"reject\", \"ignore\" or { \"mask\": \"16 hexadecimal digits\" } is right"] },
        { "mask too short", Tap("\"policy\": { \"reservedBits\": { \"mask\": \"ff\" } }"), ["f:3: mask is \"ff\"; a text of 16 hexadecimal digits, the eight header bytes, is right"] },
        { "mask of the I flag", Tap("\"policy\": { \"reservedBits\": { \"mask\": \"0800000000000000\" } }"),
            ["f:3: mask is \"0800000000000000\", with the I flag or bits of the VNI, which are not reserved; a part of f7ffffff000000ff is right"] },
        { "sourcePorts the wrong way round", Tap("\"policy\": { \"sourcePorts\": \"65535-49152\" }"), ["f:3: policy.sourcePorts is \"65535-49152\"; a range from 1 to 65535, low end first, such as \"49152-65535\", is right"] },
        { "sourcePorts from 0", Tap("\"policy\": { \"sourcePorts\": \"0-10\" }"), ["f:3: policy.sourcePorts is \"0-10\"; a range from 1 to 65535, low end first, such as \"49152-65535\", is right"] },
        { "sourcePortCount 0", Tap("\"policy\": { \"sourcePortCount\": 0 }"), ["f:3: policy.sourcePortCount is 0; a whole number from 1 to 256 is right"] },
        { "sourcePortCount 257", Tap("\"policy\": { \"sourcePortCount\": 257 }"), ["f:3: policy.sourcePortCount is 257; a whole number from 1 to 256 is right"] },
        { "more source ports than the range has", Tap("\"policy\": { \"sourcePorts\": \"5000-5003\", \"sourcePortCount\": 5 }"), ["f:3: policy.sourcePortCount is 5, but policy.sourcePorts has 4; at most 4 is right"] },
        { "age 0", Tap("\"learning\": { \"ageSeconds\": 0 }"), ["f:3: learning.ageSeconds is 0; a whole number from 1 to 86400 is right"] },
        { "age 86401", Tap("\"learning\": { \"ageSeconds\": 86401 }"), ["f:3: learning.ageSeconds is 86401; a whole number from 1 to 86400 is right"] },
        { "entries 0", Tap("\"learning\": { \"maxEntries\": 0 }"), ["f:3: learning.maxEntries is 0; a whole number from 1 to 1048576 is right"] },
        { "enabled as text", Tap("\"learning\": { \"enabled\": \"yes\" }"), ["f:3: learning.enabled is \"yes\"; true or false is right"] },
        { "offload as number", Tap("\"offload\": { \"gro\": 1 }"), ["f:3: offload.gro is 1; true or false is right"] },
        { "policy as text", Tap("\"policy\": \"strict\""), ["f:3: policy is \"strict\"; an object is right"] },
        { "no worker", Top("\"workers\": { \"count\": 0 }"), ["f:3: workers.count is 0; a whole number from 1 to 256 is right"] },
        { "CPUs and workers", Top("\"workers\": { \"count\": 2, \"cpus\": [ 0 ] }"), ["f:3: workers.cpus has 1 CPUs and workers.count is 2; one CPU for each worker is right"] },
        { "a CPU twice", Top("\"workers\": { \"cpus\": [ 1, 1 ] }"), ["f:3: CPU 1 stands twice in workers.cpus; one worker for each CPU is right"] },
        { "a CPU as text", Top("\"workers\": { \"cpus\": [ \"0-3\" ] }"), ["f:3: a CPU of workers.cpus is \"0-3\"; a whole number from 0 to 8191 is right"] },
        { "spin", Top("\"workers\": { \"spinMicroseconds\": -1 }"), ["f:3: workers.spinMicroseconds is -1; a whole number from 0 to 1000000 is right"] },
        { "relative socket path", Top("\"control\": { \"socket\": \"overlayd.sock\" }"), ["f:3: control.socket is \"overlayd.sock\"; an absolute path of at most 107 bytes is right"] },

        // Names.
        { "device name too long", Device("\"name\": \"abcdefghijklmnop\""), [$"f:3: device.name is \"abcdefghijklmnop\"; {Interface}"] },
        { "device name with slash", Device("\"name\": \"a/b\""), [$"f:3: device.name is \"a/b\"; {Interface}"] },
        { "device name with space", Device("\"name\": \"a b\""), [$"f:3: device.name is \"a b\"; {Interface}"] },
        { "device name dot", Device("\"name\": \".\""), [$"f:3: device.name is \".\"; {Interface}"] },
        { "device name dots", Device("\"name\": \"..\""), [$"f:3: device.name is \"..\"; {Interface}"] },
        { "device name that asks for a number", Device("\"name\": \"tap%d\""), [$"f:3: device.name is \"tap%d\"; {Interface}"] },
        { "device name empty", Device("\"name\": \"\""), [$"f:3: device.name is \"\"; {Interface}"] },
        { "tunnel name no device can have", "{ \"tunnels\": [ { \"kind\": \"vxlan\", \"vni\": 1, \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tap\" },\n\"name\": \"a tunnel with a long name\" } ] }",
            [$"f:2: the device gets its name from the tunnel, \"a tunnel with a long name\", which cannot be one; a device.name of {Interface}"] },
        { "tunnel name empty", "{ \"tunnels\": [ { \"kind\": \"vxlan\", \"vni\": 1, \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tap\" },\n\"name\": \"\" } ] }", ["f:2: name is \"\"; 1 to 64 characters without control characters is right"] },
        { "link with slash", Tap("\"link\": \"eth0/1\""), [$"f:3: link is \"eth0/1\"; {Interface}"] },
        { "duplicate tunnel and device name", Two("\"name\": \"a\", \"vni\": 1, \"local\": \"192.0.2.1\"", "\"name\": \"a\", \"vni\": 2, \"local\": \"192.0.2.1\""),
            ["f:3: tunnel name \"a\" is taken on line 2; another one is right", "f:3: device name \"a\" is taken on line 2; another one is right"] },
        { "device named like a tunnel before", "{ \"tunnels\": [\n{ \"name\": \"a\", \"kind\": \"vxlan\", \"vni\": 1, \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tap\" } },\n{ \"name\": \"b\", \"kind\": \"vxlan\", \"vni\": 2, \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tap\",\n\"name\": \"a\" } } ] }",
            ["f:4: device name \"a\" is taken on line 2; another one is right"] },

        // Addresses.
        { "local no address", Local("192.0.2"), [$"f:2: local is \"192.0.2\"; {Unicast}"] },
        { "local a name", Local("localhost"), [$"f:2: local is \"localhost\"; {Unicast}"] },
        { "local mapped", Local("::ffff:192.0.2.1"), [$"f:2: local is \"::ffff:192.0.2.1\"; {Unicast}"] },
        { "local unspecified", Local("0.0.0.0"), ["f:2: local is \"0.0.0.0\", the unspecified address; the unicast address of this end is right"] },
        { "local unspecified IPv6", Local("::"), ["f:2: local is \"::\", the unspecified address; the unicast address of this end is right"] },
        { "local broadcast", Local("255.255.255.255"), ["f:2: local is \"255.255.255.255\", the broadcast address; the unicast address of this end is right"] },
        { "local multicast", Local("239.1.1.1"), ["f:2: local is \"239.1.1.1\", a multicast address; the unicast address of this end is right"] },
        { "local link-local without link", Local("fe80::1"), ["f:2: local is \"fe80::1\", which is unique on one link only; a \"link\" beside it is right"] },
        { "flood to itself", Tap("\"flood\": [ \"192.0.2.1\" ]"), ["f:3: a remote of flood is \"192.0.2.1\", the tunnel's own local; the address of another host is right"] },
        { "flood of the other family", Tap("\"flood\": [ \"2001:db8::2\" ]"), ["f:3: a remote of flood is \"2001:db8::2\", but local 192.0.2.1 is IPv4; an IPv4 address is right"] },
        { "flood to a group of whom nobody is known", Tap("\"flood\": [ \"239.1.1.1\" ]"),
            ["f:3: policy.remotes is \"known\", but nobody knows the members of the group 239.1.1.1 in flood; a list of their prefixes, or \"any\", is right"] },
        { "flood to a group and known remotes", Tap("\"flood\": [ \"239.1.1.1\" ],\n\"policy\": {\n\"remotes\": \"known\" }"),
            ["f:5: policy.remotes is \"known\", but nobody knows the members of the group 239.1.1.1 in flood; a list of their prefixes, or \"any\", is right"] },
        { "flood to a group and a remote", Tap("\"flood\": [ \"192.0.2.2\",\n\"239.1.1.1\" ], \"policy\": { \"remotes\": \"any\" }"),
            ["f:4: flood holds the group 239.1.1.1 beside others, which may be members of it and would get two copies; the group alone is right"] },
        { "flood to a group of the other family", Tap("\"flood\": [ \"ff05::1\" ], \"policy\": { \"remotes\": \"any\" }"),
            ["f:3: a group of flood is \"ff05::1\", but local 192.0.2.1 is IPv4; an IPv4 address is right"] },
        { "flood to a group over GRE", Kind("gretap", "tap", "\"flood\": [ \"239.1.1.1\" ], \"policy\": { \"remotes\": \"any\" }"),
            ["f:3: flood holds the group 239.1.1.1, which a gretap tunnel cannot join in this version; the unicast address of each remote is right"] },
        { "flood to a remote twice", Tap("\"flood\": [ \"192.0.2.2\",\n\"192.0.2.2\" ]"), ["f:4: 192.0.2.2 stands in flood on line 3 already; once is right"] },
        { "fdb remote itself", Tap("\"fdb\": [ { \"mac\": \"02:00:00:00:00:02\", \"remote\": \"192.0.2.1\" } ]"), ["f:3: remote is \"192.0.2.1\", the tunnel's own local; the address of another host is right"] },
        { "fdb multicast mac", Tap("\"fdb\": [ { \"mac\": \"01:00:5e:00:00:01\", \"remote\": \"192.0.2.2\" } ]"), [$"f:3: mac is \"01:00:5e:00:00:01\", a multicast address; {Station}"] },
        { "fdb zero mac", Tap("\"fdb\": [ { \"mac\": \"00:00:00:00:00:00\", \"remote\": \"192.0.2.2\" } ]"), [$"f:3: mac is \"00:00:00:00:00:00\", all zero; {Station}"] },
        { "fdb mac twice", Tap("\"fdb\": [ { \"mac\": \"02:00:00:00:00:02\", \"remote\": \"192.0.2.2\" },\n{ \"mac\": \"02-00-00-00-00-02\", \"remote\": \"192.0.2.3\" } ]"), ["f:4: 02:00:00:00:00:02 stands in fdb on line 3 already; once is right"] },
        { "device mac broadcast", Device("\"mac\": \"ff:ff:ff:ff:ff:ff\""), [$"f:3: device.mac is \"ff:ff:ff:ff:ff:ff\", the broadcast address; {Station}"] },
        { "device mac too short", Device("\"mac\": \"02:00:00:00:01\""), [$"f:3: device.mac is \"02:00:00:00:01\"; {Station}"] },
        { "device address without length", Device("\"addresses\": [ \"10.0.0.1\" ]"), ["f:3: an address of the device is \"10.0.0.1\", without a prefix length; \"10.0.0.1/32\" is right"] },
        { "device address with length 33", Device("\"addresses\": [ \"10.0.0.1/33\" ]"), ["f:3: an address of the device is \"10.0.0.1/33\"; a prefix length from 0 to 32 is right"] },
        { "device address no address", Device("\"addresses\": [ 10 ]"), ["f:3: an address of the device is 10; an address with its prefix length, such as 10.0.0.1/24 or 2001:db8::1/64, is right"] },
        { "device address multicast", Device("\"addresses\": [ \"224.0.0.1/24\" ]"), ["f:3: an address of the device is \"224.0.0.1/24\"; a unicast address is right"] },
        { "device address twice", Device("\"addresses\": [ \"10.0.0.1/24\", \"10.0.0.1/16\" ]"), ["f:3: 10.0.0.1 stands twice in device.addresses; once is right"] },
        { "device addresses as text", Device("\"addresses\": \"10.0.0.1/24\""), ["f:3: device.addresses is \"10.0.0.1/24\"; a list is right"] },
        { "neighbor flags of IPv4", Tap("\"neighbors\": [ { \"ip\": \"10.0.0.2\", \"mac\": \"02:00:00:00:00:02\",\n\"router\": true,\n\"override\": false } ]"),
            ["f:4: \"router\" is not used with an IPv4 address; leave it out", "f:5: \"override\" is not used with an IPv4 address; leave it out"] },
        { "neighbor flag", Tap("\"neighbors\": [ { \"ip\": \"fd00::2\", \"mac\": \"02:00:00:00:00:02\", \"router\": 1 } ]"), ["f:3: router is 1; true or false is right"] },
        { "neighbor suppression", Tap("\"neighborSuppression\": \"off\""), ["f:3: neighborSuppression is \"off\"; true or false is right"] },
        { "announcement hold", Tap("\"announcementHoldSeconds\": 3601"), ["f:3: announcementHoldSeconds is 3601; a whole number from 0 to 3600 is right"] },
        { "full table", Tap("\"learning\": { \"whenFull\": \"forget\" }"), ["f:3: learning.whenFull is \"forget\"; \"refuse\" or \"evict-oldest\" is right"] },
        { "moves", Tap("\"learning\": { \"moveLimit\": -1 }"), ["f:3: learning.moveLimit is -1; a whole number from 0 to 65535 is right"] },
        { "move window", Tap("\"learning\": { \"moveWindowSeconds\": 0 }"), ["f:3: learning.moveWindowSeconds is 0; a whole number from 1 to 86400 is right"] },
        { "freeze", Tap("\"learning\": { \"freezeSeconds\": 0 }"), ["f:3: learning.freezeSeconds is 0; a whole number from 1 to 86400 is right"] },
        { "neighbor learning", Tap("\"learning\": { \"neighbors\": 1 }"), ["f:3: learning.neighbors is 1; true or false is right"] },
        { "neighbor keys on tun", Tun("\"neighborSuppression\": true,\n\"announcementHoldSeconds\": 0"),
            ["f:3: \"neighborSuppression\" is not used with a tun device; leave it out", "f:4: \"announcementHoldSeconds\" is not used with a tun device; leave it out"] },
        { "neighbor multicast", Tap("\"neighbors\": [ { \"ip\": \"ff02::1\", \"mac\": \"02:00:00:00:00:02\" } ]"), ["f:3: ip is \"ff02::1\"; the unicast address of a station is right"] },
        { "route with host bits", Ipip("\"routes\": [ { \"prefix\": \"10.246.2.1/24\", \"remote\": \"192.0.2.2\" } ]"), ["f:3: prefix is \"10.246.2.1/24\", with bits set behind the first 24; \"10.246.2.0/24\" is right"] },
        { "route remote of the other family", Ipip("\"routes\": [ { \"prefix\": \"2001:db8::/32\", \"remote\": \"2001:db8::2\" } ]"), ["f:3: remote is \"2001:db8::2\", but local 192.0.2.1 is IPv4; an IPv4 address is right"] },
        { "route twice", Ipip("\"routes\": [ { \"prefix\": \"10.0.0.0/8\", \"remote\": \"192.0.2.2\" },\n{ \"prefix\": \"10.0.0.0/8\", \"remote\": \"192.0.2.3\" } ]"), ["f:4: 10.0.0.0/8 stands in routes on line 3 already; once is right"] },
        { "remotes a word", Tap("\"policy\": { \"remotes\": \"all\" }"), ["f:3: policy.remotes is \"all\"; \"known\", \"any\" or a list of at least one prefix is right"] },
        { "remotes empty", Tap("\"policy\": { \"remotes\": [] }"), ["f:3: policy.remotes is a list without items; \"known\", \"any\" or a list of at least one prefix is right"] },
        { "remotes with host bits", Tap("\"policy\": { \"remotes\": [ \"192.0.2.1/24\" ] }"), ["f:3: a prefix of policy.remotes is \"192.0.2.1/24\", with bits set behind the first 24; \"192.0.2.0/24\" is right"] },
        { "remotes of the other family", Tap("\"policy\": { \"remotes\": [ \"2001:db8::/32\" ] }"), ["f:3: a prefix of policy.remotes is \"2001:db8::/32\", but local 192.0.2.1 is IPv4; an IPv4 address is right"] },

        // Tunnels beside each other.
        { "endpoint and vni twice", Two("\"name\": \"a\", \"vni\": 1, \"local\": \"192.0.2.1\"", "\"name\": \"b\", \"vni\": 1, \"local\": \"192.0.2.1\", \"port\": 4789"),
            ["f:3: vni 1 on 192.0.2.1:4789 belongs to tunnel \"a\" on line 2; another vni, port or local is right"] },
        { "two ipip tunnels on one local", "{ \"tunnels\": [\n{ \"name\": \"a\", \"kind\": \"ipip\", \"local\": \"2001:db8::1\", \"device\": { \"type\": \"tun\" } },\n{ \"name\": \"b\", \"kind\": \"ipip\", \"local\": \"2001:db8:0::1\", \"device\": { \"type\": \"tun\" } } ] }",
            ["f:3: ipip on 2001:db8::1 belongs to tunnel \"a\" on line 2; one ipip tunnel for each local is right"] },
        { "one endpoint, two links", Shared("\"link\": \"eth0\"", "\"link\": \"eth1\""), [Conflict("link is \"eth1\" here and \"eth0\"")] },
        { "one endpoint, one link", Shared("\"link\": \"eth0\"", "\"port\": 4789"), [Conflict("link is absent here and \"eth0\"")] },
        { "one endpoint, two transports", Shared("\"transport\": \"tunnelGso\"", "\"learning\": {}"), [Conflict("transport is \"udp\" here and \"tunnelGso\"")] },
        { "one endpoint, two tunnelGso", Shared("\"offload\": { \"tunnelGso\": false }", "\"offload\": {}"), [Conflict("offload.tunnelGso is true here and false")] },
        { "one endpoint, two checksums", Shared("\"policy\": { \"outerChecksum\": \"off\" }", "\"policy\": {}"), [Conflict("policy.outerChecksum is \"on\" here and \"off\"")] },
        { "one endpoint, two zero checksums", Shared("\"policy\": {}", "\"policy\": { \"zeroChecksumIpv6\": \"accept\" }"), [Conflict("policy.zeroChecksumIpv6 is \"accept\" here and \"reject\"")] },
        { "one endpoint, two ranges", Shared("\"policy\": { \"sourcePorts\": \"1024-65535\" }", "\"port\": 4789"), [Conflict("policy.sourcePorts is \"49152-65535\" here and \"1024-65535\"")] },
        { "one endpoint, two counts", Shared("\"policy\": { \"sourcePortCount\": 1 }", "\"policy\": { \"sourcePortCount\": 2 }"), [Conflict("policy.sourcePortCount is 2 here and 1")] },
        { "one endpoint, two GROs", Shared("\"offload\": { \"gro\": false }", "\"offload\": {}"), [Conflict("offload.gro is true here and false")] },

        // All of them, in the order of the lines.
        { "several", "{ \"tunnels\": [\n{ \"nam\": \"a\",\n\"kind\": \"vxlan\",\n\"vni\": -1,\n\"local\": \"x\",\n\"device\": { \"type\": \"tap\", \"mtu\": 1 } } ],\n\"workers\": 1 }",
            ["f:2: a tunnel has no \"name\"; a name for status and messages is right", "f:2: unknown key \"nam\" in a tunnel; \"name\" is right",
             "f:4: vni is -1; a whole number from 0 to 16777215 is right", $"f:5: local is \"x\"; {Unicast}",
             "f:6: device.mtu is 1; a whole number from 68 to 65535 or \"auto\" is right", "f:7: workers is 1; an object is right"] },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Each_mistake_has_its_line_and_says_what_would_be_right(string name, string text, string[] expected)
    {
        Assert.NotEmpty(name);
        Assert.Equal(expected, Mistakes(text));
    }

    [Theory]
    [InlineData("{ \"tunnels\": [\n  }", 2, 3)]
    [InlineData("{\n  tunnels: [] }", 2, 3)]
    [InlineData("{ \"tunnels\": [] }\n{ }", 2, 1)]
    [InlineData("// only a comment", 1, 18)]
    [InlineData("{ \"tunnels\": [", 1, 15)]
    [InlineData("{ \"a\": 042 }", 1, 9)]
    public void Text_that_is_not_JSON_is_placed_by_line_and_column(string text, int line, int column)
    {
        string mistake = Assert.Single(Mistakes(text));
        Assert.StartsWith($"f:{line}: not JSON at column {column}: ", mistake, StringComparison.Ordinal);
        Assert.EndsWith("JSON with comments and trailing commas is right", mistake, StringComparison.Ordinal);
        Assert.DoesNotContain("LineNumber", mistake, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_not_UTF_8_are_placed_by_line()
    {
        byte[] text = [.. "{\n\"name\": \""u8, 0xFF, .. "\" }"u8];
        Assert.Equal(["f:2: not text: a byte here is not UTF-8; UTF-8 is right"], Mistakes(text));
    }

    [Fact]
    public void No_truncation_and_no_changed_byte_of_a_good_file_throws()
    {
        byte[] good = Encoding.UTF8.GetBytes(ConfigTests.Example);
        for (int length = 0; length < good.Length; length++)
        {
            // Behind the last brace there is only a line end.
            if (length < good.AsSpan().LastIndexOf((byte)'}') + 1)
            {
                Assert.NotEmpty(Mistakes(good.AsSpan(0, length)));
            }
        }

        byte[] changed = [.. good];
        for (int i = 0; i < good.Length; i++)
        {
            foreach (byte value in (ReadOnlySpan<byte>)[0, (byte)'"', (byte)'}', (byte)'[', (byte)'9', (byte)'/', 0xC3])
            {
                changed[i] = value;
                // The helper asserts that there is either a configuration or a mistake.
                Assert.All(Mistakes(changed), m => Assert.Matches("^f:[0-9]+: ", m));
            }

            changed[i] = good[i];
        }
    }

    private static string Tunnel(string kind) => "{ \"tunnels\": [ { \"name\": \"a\", \"vni\": 1, \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tap\" },\n\"kind\": \"" + kind + "\" } ] }";

    private static string Local(string local) => "{ \"tunnels\": [ { \"name\": \"a\", \"kind\": \"vxlan\", \"vni\": 1, \"device\": { \"type\": \"tap\" },\n\"local\": \"" + local + "\" } ] }";

    private static string Shared(string first, string second) =>
        Two("\"name\": \"a\", \"vni\": 1, \"local\": \"192.0.2.1\", " + first, "\"name\": \"b\", \"vni\": 2, \"local\": \"192.0.2.1\", " + second);

    private static string Conflict(string difference) =>
        $"f:3: {difference} in tunnel \"a\" on line 2, but both share the sockets of 192.0.2.1:4789; the same in both is right";
}
