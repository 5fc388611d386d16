namespace Overlay.Tests.Decoding;

/// <summary>One header of a packet: which, and what a decoder reads in it.</summary>
/// <param name="Protocol">As tshark names it: <c>eth</c>, <c>vlan</c>, <c>ieee8021ad</c>, <c>ip</c>, <c>ipv6</c>…</param>
/// <param name="Index">As INDEX.md of the corpus names it: <c>ip4</c>, <c>udp0:4789</c>, <c>vxlan100</c>…</param>
/// <param name="Fields">
/// By tshark's field names. Values are numbers, bools, <see cref="MacAddress"/>, <see cref="ValueIPAddress"/>, bytes, or arrays of these; null says that
/// the field is not there.
/// </param>
internal sealed record DecodedLayer(string Protocol, string Index, IReadOnlyDictionary<string, object?> Fields);
