namespace Overlay.Forwarding.Subjects;

/// <summary>This machine cannot have a subject; the message says why.</summary>
internal sealed class UnavailableException(string why) : Exception(why);
