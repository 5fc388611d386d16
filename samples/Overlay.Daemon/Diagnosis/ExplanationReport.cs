using System.Globalization;
using System.Text;

namespace Overlay.Daemon.Diagnosis;

/// <summary>An explanation as text.</summary>
internal static class ExplanationReport
{
    /// <summary>Formats one packet.</summary>
    /// <param name="number">Its number, from 1.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="tunnel">The tunnel that was asked.</param>
    /// <param name="direction">The direction.</param>
    public static string Format(int number, ExplainedPacket packet, string tunnel, string direction)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"packet {number}, {direction} of {tunnel}: taken as {packet.Took}\n");
        if (packet.Error is { } error)
        {
            return text.Append(CultureInfo.InvariantCulture, $"  not explained: {error}\n").ToString();
        }

        if (packet.Owner is { } owner)
        {
            text.Append(owner == "none" ? "  no tunnel owns it\n" : $"  it belongs to tunnel {owner}\n");
        }

        foreach (ExplainedStep step in packet.Steps ?? [])
        {
            string policy = step.Policy is null ? "" : $" [{step.Policy}: {step.Value}]";
            text.Append(CultureInfo.InvariantCulture, $"  {step.Source,-11}{(step.Outcome == "decided" ? "=> " : "   ")}{step.Text}{policy}\n");
        }

        string reason = packet.Reason is null ? "" : $" as {packet.Reason}: {packet.Description}";
        text.Append(CultureInfo.InvariantCulture, $"  {packet.Verdict}{reason}\n");
        foreach (ExplainedCopy copy in packet.Outputs ?? [])
        {
            text.Append(Format(copy));
        }

        if (packet.Remedy is { } remedy)
        {
            text.Append(CultureInfo.InvariantCulture, $"  would pass with: {remedy}\n");
        }

        if (packet.Command is { } command)
        {
            text.Append(CultureInfo.InvariantCulture, $"                   {command}\n");
        }

        if (packet.Unsettled)
        {
            text.Append("  the tables changed while they were read: what they say here is from after the decision\n");
        }

        return text.ToString();
    }

    private static string Format(ExplainedCopy copy)
    {
        if (copy.Drop is { } drop)
        {
            return $"    a copy of {copy.Length} bytes is dropped as {drop}\n";
        }

        if (copy.Outer is not { } outer)
        {
            return $"    {copy.Length} bytes to the device\n";
        }

        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"    {outer.Length} bytes from {Address(outer.Local, outer.SourcePort)} to {Address(outer.Remote, outer.DestinationPort)}");
        text.Append(CultureInfo.InvariantCulture, $", ttl {outer.Ttl}, dscp {outer.Dscp}, ecn {outer.Ecn}");
        Append(text, "df", outer.DontFragment is bool df ? df ? "set" : "unset" : null);
        Append(text, "flow label", outer.FlowLabel?.ToString("x5", CultureInfo.InvariantCulture));
        Append(text, "vni", outer.Vni?.ToString(CultureInfo.InvariantCulture));
        Append(text, "key", outer.GreKey?.ToString(CultureInfo.InvariantCulture));
        Append(text, "encapsulation limit", outer.EncapsulationLimit?.ToString(CultureInfo.InvariantCulture));
        return text.Append('\n').ToString();
    }

    private static void Append(StringBuilder text, string name, string? value)
    {
        if (value is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $", {name} {value}");
        }
    }

    private static string Address(string address, ushort? port) =>
        port is null ? address : address.Contains(':', StringComparison.Ordinal) ? $"[{address}]:{port}" : $"{address}:{port}";
}
