using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>The way of IP-in-IP packets to one remote, and the headers for it.</summary>
/// <param name="remote">The outer destination address.</param>
internal sealed class IPInIPPath(ValueIPAddress remote) : UnderlayPath(remote, 0)
{
    private const int LinkLength = EthernetFrame.MinimumHeaderLength;

    private readonly byte[] _linkHeaderIPv4 = new byte[LinkLength];
    private readonly byte[] _linkHeaderIPv6 = new byte[LinkLength];

    /// <summary>Writes the outer IP header; null until the way was open once.</summary>
    public IPInIPEncapsulator? Encapsulator { get; private set; }

    /// <summary>The link header of frames with such an inner packet: see <see cref="EncapsulationFrame"/>.</summary>
    public ReadOnlySpan<byte> LinkHeader(bool innerIPv4) => innerIPv4 ? _linkHeaderIPv4 : _linkHeaderIPv6;

    /// <inheritdoc/>
    protected override void Prepare(ValueIPAddress local, int interfaceIndex)
    {
        Encapsulator = new IPInIPEncapsulator(local, Remote);
        RedirectFrame.Header(interfaceIndex, EtherType.IPv4).TryWrite(_linkHeaderIPv4, out _);
        RedirectFrame.Header(interfaceIndex, EtherType.IPv6).TryWrite(_linkHeaderIPv6, out _);
    }
}
