using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>The way of VXLAN packets to one remote and port, and the headers for it.</summary>
/// <param name="remote">The outer destination address.</param>
/// <param name="port">The UDP destination port.</param>
internal sealed class VxlanPath(ValueIPAddress remote, ushort port) : UnderlayPath(remote, port)
{
    /// <summary>Writes the headers of this way, link header included; null until the way was open once.</summary>
    public VxlanEncapsulator? Encapsulator { get; private set; }

    /// <summary>The sum of the outer pseudo-header without its length.</summary>
    public ulong PseudoHeader { get; private set; }

    /// <inheritdoc/>
    protected override void Prepare(ValueIPAddress local, int interfaceIndex)
    {
        PseudoHeader = InternetChecksum.PseudoHeader(local, Remote, IPProtocol.Udp, 0);
        Encapsulator = new VxlanEncapsulator(local, Remote, new VxlanEncapsulatorOptions
        {
            DestinationPort = Port,
            // The sender writes what the kernel is to complete.
            OuterChecksum = false,
            LinkHeader = RedirectFrame.Header(interfaceIndex, Remote.IsIPv4 ? EtherType.IPv4 : EtherType.IPv6),
        });
    }
}
