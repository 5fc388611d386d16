namespace Overlay.DataPath;

/// <summary>Whose packet an explained one is.</summary>
/// <param name="Facts">The endpoint's encapsulation.</param>
/// <param name="Tunnel">The tunnel that owns it; null for none.</param>
/// <param name="Twin">That by which it was decided; its books have this one packet.</param>
/// <param name="Networks">The VNIs or keys that the endpoint has tunnels for.</param>
internal readonly record struct IngressOwner(TunnelFacts Facts, Tunnel? Tunnel, Tunnel? Twin, IReadOnlyList<string> Networks);
