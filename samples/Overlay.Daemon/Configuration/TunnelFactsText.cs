namespace Overlay.Daemon.Configuration;

/// <summary>How messages speak of a kind of tunnel.</summary>
internal static class TunnelFactsText
{
    /// <summary><c>a vxlan</c>, <c>an ipip</c>.</summary>
    public static string WithArticle(this TunnelFacts facts) => $"{(facts.Name[0] is 'i' ? "an" : "a")} {facts}";
}
