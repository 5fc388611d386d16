using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>What a <see cref="RawRemote"/> is for: a flow of GRE packets has headers and sequence numbers of its own (RFC 2890 §2).</summary>
/// <param name="Address">The remote's address.</param>
/// <param name="Fields">The optional fields of GRE; none for IP in IP.</param>
/// <param name="GreKey">The key of GRE; 0 without one.</param>
/// <param name="Protocol">What the outer header announces, for packets that bring their own tunnel header along; 0 for others.</param>
internal readonly record struct RawRemoteKey(ValueIPAddress Address, GreFlags Fields, uint GreKey, IPProtocol Protocol = default);
