namespace Overlay.Linux;

/// <summary>An address of an interface.</summary>
/// <param name="InterfaceIndex">The interface.</param>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">Bits that the neighbours on the link share: 0 to 32 or 128.</param>
/// <param name="IsTentative">Whether IPv6 duplicate address detection has not ended yet, so that it cannot be used (RFC 4862 §5.4).</param>
public readonly record struct AddressInfo(int InterfaceIndex, ValueIPAddress Address, int PrefixLength, bool IsTentative);
