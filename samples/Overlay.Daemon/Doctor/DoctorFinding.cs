namespace Overlay.Daemon.Doctor;

/// <summary>Something that a doctor found wrong. The names are a public format.</summary>
/// <param name="Id">What is wrong, one of <see cref="FindingIds"/>: for programs, and for looking it up in the documentation.</param>
/// <param name="Where">The device, route, address or hop where it is wrong, with its namespace where that is not the caller's.</param>
/// <param name="Said">What was seen or measured there.</param>
/// <param name="Expected">What would be right, and why.</param>
/// <param name="Change">What to do: a command where there is one.</param>
internal sealed record DoctorFinding(string Id, string Where, string Said, string Expected, string Change);
