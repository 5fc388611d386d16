using System.Globalization;
using System.Text.Json;
using Overlay.Daemon.Commands;
using Overlay.Linux;

namespace Overlay.Daemon.Doctor;

/// <summary><c>overlayd doctor mtu</c>.</summary>
internal static class MtuDoctor
{
    /// <summary>Examines the way to an address.</summary>
    /// <param name="to">Who is to be reached.</param>
    /// <param name="from">A namespace by name or path, or an interface; null for the namespace of the caller.</param>
    /// <param name="socket">The control socket of the overlayd that is asked about TUN and TAP devices.</param>
    /// <param name="cancellation">Ends the waits.</param>
    /// <exception cref="LinuxException">There is no such namespace or interface, or a right is missing.</exception>
    public static async Task<DoctorReport> ExamineAsync(ValueIPAddress to, string? from, string socket, CancellationToken cancellation)
    {
        using HostNamespaces hosts = new();
        NamespaceView view = from is not null && HostNamespaces.IsName(from) ? hosts.Open(from) : hosts.Here;
        LinkInfo? link = from is not null && !HostNamespaces.IsName(from) ? view.Netlink.GetLink(InterfaceOf(from)) : null;
        var walk = new MtuWalk(hosts, new OverlaydTunnels(socket, cancellation), to);
        await walk.WalkAsync(view, link).ConfigureAwait(false);
        return new DoctorReport
        {
            Doctor = "mtu",
            To = to.ToString(),
            Findings = walk.Findings,
            Undecided = [.. walk.Undecided.Distinct()],
            Details = JsonSerializer.SerializeToElement(new MtuDetails(from ?? view.Name, walk.Hops), DoctorJson.Relaxed.MtuDetails),
            Text = Format(walk.Hops),
        };
    }

    private static string InterfaceOf(string text) => text.Length <= 15
        ? text
        : throw new LinuxException(Errno.ENODEV, "open", text, "neither a network namespace under /run/netns nor an interface");

    private static string Format(IReadOnlyList<MtuHop> hops)
    {
        StreamedTable table = new([new("LAYER", true), new("NAMESPACE"), new("HOP"), new("NAME"), new("MTU", true), new("NEEDS", true), new("ADDS"), new("NOTE")]);
        foreach (MtuHop hop in hops)
        {
            string adds = hop.Overhead is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{hop.Overhead} ({hop.Overhead4} over IPv4, {hop.Overhead6} over IPv6)");
            table.Add([Number(hop.Layer), hop.Namespace, hop.Kind, hop.Name, hop.Mtu == 0 ? "?" : Number(hop.Mtu), Number(hop.Needs), adds, hop.Note ?? ""]);
        }

        return hops.Count == 0 ? "" : table.Finish();
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
