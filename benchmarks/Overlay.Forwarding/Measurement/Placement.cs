namespace Overlay.Forwarding.Measurement;

/// <summary>Who may run where.</summary>
internal enum Placement
{
    /// <summary>Anybody anywhere; the scheduler decides.</summary>
    Free,

    /// <summary>The forwarders of both ends on one CPU together, the traffic anywhere: only possible where both hosts are one machine.</summary>
    ForwardersTogether,

    /// <summary>Forwarders and traffic on one CPU: what is left is the cost of the work, without wake-ups across CPUs.</summary>
    AllTogether,
}
