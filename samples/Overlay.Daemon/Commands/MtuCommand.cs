using System.CommandLine;
using System.Net.Sockets;
using System.Text.Json;
using Overlay.Daemon.Mtu;
using Overlay.Encapsulation;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd mtu</c>: computes MTUs and asks nobody.</summary>
internal static class MtuCommand
{
    /// <summary>The link's MTU unless told otherwise: Ethernet's.</summary>
    public const int DefaultLink = 1500;

    /// <summary>Makes the command.</summary>
    public static Command Create(Option<bool> json, TextWriter output, TextWriter error)
    {
        Option<string> kind = new("--kind") { Description = $"The tunnel: {string.Join(", ", TunnelFacts.All.Select(facts => facts.Name))}, or any layer", HelpName = "LAYER", Required = true };
        Option<int> link = new("--link") { Description = "The MTU of the link", HelpName = "BYTES", DefaultValueFactory = _ => DefaultLink };
        Option<int?> device = new("--device") { Description = "Instead of --link: the MTU that the device is to have", HelpName = "BYTES" };
        Option<string> underlay = new("--underlay") { Description = "The family of the outer addresses", HelpName = "ipv4|ipv6", DefaultValueFactory = _ => "ipv4" };
        underlay.AcceptOnlyFromAmong("ipv4", "ipv6");
        Option<string?> stack = new("--stack")
        {
            Description = "What is around the tunnel, from inside to outside, as in wireguard/ipv4,vlan,+100",
            HelpName = "LAYER[/ipv4|/ipv6][+BYTES],…",
        };
        Option<int> tags = new("--inner-vlans") { Description = "VLAN tags of inner frames, 0 to 2", HelpName = "N" };
        Option<int> options = new("--options") { Description = "Bytes of options (Geneve), optional fields (GRE), extensions (GUE), encapsulation limit (ipip)", HelpName = "BYTES" };
        Option<bool> innerIP = new("--inner-ip") { Description = "The device carries IP, not Ethernet, where that makes a difference (vxlan-gpe, geneve)" };
        Command command = new("mtu", "Compute the MTU of a tunnel's device, and what others make of it") { kind, link, device, underlay, stack, tags, options, innerIP, json };
        command.Validators.Add(result =>
        {
            if (result.GetResult(device) is { Implicit: false } && result.GetResult(link) is { Implicit: false })
            {
                result.AddError("mtu takes either --link or --device.");
            }

            if (result.GetValue(options) < 0)
            {
                result.AddError("--options is 0 or more.");
            }

            if (result.GetValue(tags) is < 0 or > 2)
            {
                result.AddError("--inner-vlans is 0 to 2.");
            }
        });
        command.SetAction(parsed =>
        {
            try
            {
                AddressFamily family = LayerText.Family(parsed.GetRequiredValue(underlay));
                var tunnel = LayerText.Parse(parsed.GetRequiredValue(kind));
                LayerText[] named =
                [
                    tunnel with { Extra = tunnel.Extra + parsed.GetValue(options) },
                    .. (parsed.GetValue(stack) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(LayerText.Parse),
                ];
                TunnelStack layers = new(
                [
                    .. named[0].ToLayers(family, parsed.GetValue(tags), parsed.GetValue(innerIP)),
                    .. named.Skip(1).SelectMany(layer => layer.ToLayers(family)),
                ]);
                int linkMtu = parsed.GetValue(device) is int mtu ? layers.LinkMtu(mtu) : parsed.GetValue(link);
                // Others' numbers are for what they send themselves: without tags.
                bool compares = parsed.GetValue(tags) == 0;
                var report = MtuReport.Of(layers, linkMtu, compares ? [.. named.Select(layer => layer with { Underlay = layer.Underlay ?? family })] : null);
                output.Write(parsed.GetValue(json) ? JsonSerializer.Serialize(report, MtuJson.Relaxed.MtuReport) + "\n" : MtuText.Format(report));
                return ExitCode.Done;
            }
            catch (FormatException e)
            {
                error.WriteLine($"overlayd: {e.Message}");
            }
            catch (ArgumentOutOfRangeException e)
            {
                error.WriteLine($"overlayd: the MTU {e.ActualValue} does not do: what is within a layer has {TunnelMtu.Minimum} to {TunnelMtu.Maximum} bytes");
            }

            return ExitCode.Usage;
        });
        return command;
    }
}
