using Overlay.Daemon.Configuration;

namespace Overlay.Tests.Documentation;

/// <summary>Which keys of the configuration a kind of tunnel takes, asked of the daemon's own reader.</summary>
internal static class FormatKeys
{
    // The word in the document, and the key with a value that is right where the key is; routes with a MAC address or without. What every kind has is
    // left out.
    private static readonly (string Word, string Json)[] Candidates =
    [
        ("vni", """ "vni": 7 """),
        ("port", """ "port": 5555 """),
        ("gbp", """ "gbp": 300 """),
        ("options", """ "options": [ { "class": 258, "type": 1, "data": "00000007" } ] """),
        ("key", """ "key": 7 """),
        ("checksum", """ "checksum": true """),
        ("sequence", """ "sequence": true """),
        ("tunnelGso", """ "transport": "tunnelGso" """),
        ("flood", """ "flood": ["2001:db8::2"] """),
        ("fdb", """ "fdb": [ { "mac": "02:00:00:00:00:02", "remote": "2001:db8::2" } ] """),
        ("learning", """ "learning": { "enabled": false } """),
        ("neighbors", """ "neighbors": [ { "ip": "10.0.0.2", "mac": "02:00:00:00:00:02" } ] """),
        ("neighborSuppression", """ "neighborSuppression": false """),
        ("announcementHoldSeconds", """ "announcementHoldSeconds": 10 """),
        ("routes", """ "routes": [ { "prefix": "10.1.0.0/16", "remote": "2001:db8::2" } ] """),
        ("routes", """ "routes": [ { "prefix": "10.1.0.0/16", "remote": "2001:db8::2", "mac": "02:00:00:00:00:02" } ] """),
        ("mac", """ "routes": [ { "prefix": "10.1.0.0/16", "remote": "2001:db8::2", "mac": "02:00:00:00:00:02" } ] """),
        ("policy.reservedBits", """ "policy": { "reservedBits": "ignore" } """),
        ("policy.innerVlan", """ "policy": { "innerVlan": "strip" } """),
        ("policy.sourcePorts", """ "policy": { "sourcePorts": "50000-50100" } """),
        ("policy.sourcePortCount", """ "policy": { "sourcePortCount": 4 } """),
        ("policy.outerChecksum", """ "policy": { "outerChecksum": "off" } """),
        ("policy.zeroChecksumIpv6", """ "policy": { "zeroChecksumIpv6": "accept" } """),
        ("policy.sourceSpray", """ "policy": { "sourceSpray": "fd00::/64" } """),
        ("policy.encapsulationLimit", """ "policy": { "encapsulationLimit": 4 } """),
    ];

    /// <summary>All words that a section may name as keys of its kind.</summary>
    public static IReadOnlySet<string> Words { get; } = Candidates.Select(candidate => candidate.Word).ToHashSet();

    /// <summary>The keys that a kind takes, on a tap or a tun, sorted.</summary>
    public static IEnumerable<string> Of(TunnelFacts kind) => Candidates
        .Where(candidate => IsAccepted(kind, "tap", candidate.Json) || IsAccepted(kind, "tun", candidate.Json))
        .Select(candidate => candidate.Word)
        .Distinct()
        .Order();

    private static bool IsAccepted(TunnelFacts kind, string device, string key)
    {
        string vni = kind.HasVni && !key.Contains("vni", StringComparison.Ordinal) ? """ "vni": 1, """ : "";
        string port = kind is { IsOverUdp: true, DefaultPort: 0 } && !key.Contains("port\"", StringComparison.Ordinal) ? """ "port": 5555, """ : "";
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, $$"""
                { "tunnels": [ { "name": "t", "kind": "{{kind.Name}}", "local": "2001:db8::1", "device": { "type": "{{device}}" }, {{vni}} {{port}} {{key}} } ] }
                """);
            ConfigErrors errors = new();
            return ConfigFile.Load(path, errors) is not null && errors.Count == 0;
        }
        finally
        {
            File.Delete(path);
        }
    }
}
