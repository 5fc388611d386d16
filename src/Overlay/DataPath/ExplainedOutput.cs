namespace Overlay.DataPath;

/// <summary>A packet that an explained one would become: itself, a copy for another remote, or an answer.</summary>
/// <param name="Origin">Which of these.</param>
/// <param name="Reason">Why it would be dropped; <see cref="DropReason.None"/> if it would not.</param>
/// <param name="Length">Bytes handed to the output port: the inner packet, with an inner Ethernet header where there is one.</param>
public sealed record ExplainedOutput(PacketOrigin Origin, DropReason Reason, int Length)
{
    /// <summary>What its outer headers would say; null if it goes to the device or is dropped.</summary>
    public ExplainedOuterHeader? Outer { get; init; }
}
