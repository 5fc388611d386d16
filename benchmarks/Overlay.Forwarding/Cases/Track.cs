using Overlay.Forwarding.Subjects;

namespace Overlay.Forwarding.Cases;

/// <summary>Where a workload runs.</summary>
/// <param name="Bed">The tunnel.</param>
/// <param name="Sender">The host that sends.</param>
/// <param name="Receiver">The host that receives.</param>
/// <param name="Seconds">How long one measurement takes.</param>
/// <param name="Launcher">What stands before the programs that make traffic on their command lines; may be empty.</param>
internal sealed record Track(TestBed Bed, Host Sender, Host Receiver, int Seconds, IReadOnlyList<string> Launcher);
