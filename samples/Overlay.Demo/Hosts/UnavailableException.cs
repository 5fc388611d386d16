namespace Overlay.Demo.Hosts;

/// <summary>This machine cannot run a case; the message says why.</summary>
internal sealed class UnavailableException(string why) : Exception(why);
