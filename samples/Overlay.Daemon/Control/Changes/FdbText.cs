using Overlay.Tables;

namespace Overlay.Daemon.Control.Changes;

/// <summary>Forwarding entries in messages.</summary>
internal static class FdbText
{
    /// <summary>The word for an origin, in messages and in what <c>show</c> prints.</summary>
    public static string Of(FdbOrigin origin) => origin switch
    {
        FdbOrigin.Learned => "learned",
        FdbOrigin.Static => "static",
        FdbOrigin.External => "external",
        _ => throw new ArgumentOutOfRangeException(nameof(origin), origin, "No origin."),
    };

    /// <summary>Where an entry leads and who says so: <c>192.0.2.2 port 8472 vni 7 (static)</c>.</summary>
    public static string Of(FdbEntry entry) =>
        $"{entry.Remote}{(entry.Port == 0 ? "" : $" port {entry.Port}")}{(entry.Vni is Vni vni ? $" vni {vni}" : "")} ({Of(entry.Origin)})";

    /// <summary>Refuses to touch what the configuration says.</summary>
    /// <exception cref="ControlRefusedException">The entry is a configured one.</exception>
    public static void RefuseConfigured(bool exists, MacAddress mac, FdbEntry entry)
    {
        if (exists && entry.Origin == FdbOrigin.Static)
        {
            throw new ControlRefusedException($"{mac} is configured to live behind {entry.Remote}; what the configuration says is changed in its file");
        }
    }
}
