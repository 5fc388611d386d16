namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>What <c>doctor underlay</c> saw. The names are a public format.</summary>
/// <param name="From">The source address.</param>
/// <param name="Port">The tunnel's port.</param>
/// <param name="OtherPort">The port of no tunnel that it is compared with.</param>
/// <param name="Vni">The tunnel's VNI.</param>
/// <param name="Responder">Whether an overlayd answered; without one all is less certain.</param>
/// <param name="LinkMtu">The MTU of the link that probes leave by.</param>
/// <param name="LongestArrived">The longest IP packet that is known to have arrived.</param>
/// <param name="Probes">Each probe, those of the same form and length once.</param>
internal sealed record UnderlayDetails(
    string From, int Port, int OtherPort, uint Vni, bool Responder, int LinkMtu, int LongestArrived, IReadOnlyList<ProbeDetails> Probes);

/// <summary>One probe in the report.</summary>
/// <param name="Probe">A <see cref="ProbeForm"/> in kebab-case.</param>
/// <param name="SourcePort">Its source port; 0 if it has none.</param>
/// <param name="Length">Bytes of the IP packet; 0 for as few as it takes.</param>
/// <param name="Result"><c>arrived</c>, <c>wrong-checksum</c>, <c>no-checksum</c>, <c>answered</c> (by the target's kernel), <c>too-big</c>, <c>prohibited</c>, <c>not-sent</c> or <c>lost</c>.</param>
/// <param name="Said">More about it, in words; empty if there is nothing.</param>
internal sealed record ProbeDetails(string Probe, int SourcePort, int Length, string Result, string Said);
