using System.Security.Cryptography;
using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>The way to one remote and port as the kernel's routes had it last, and the headers for it.</summary>
/// <param name="remote">The outer destination address.</param>
/// <param name="port">The UDP destination port.</param>
internal sealed class UnderlayPath(ValueIPAddress remote, ushort port)
{
    private int _interfaceIndex;

    // From anywhere, so that two runs within the lifetime of a packet do not use the same ones (RFC 6864 §4).
    private ushort _identification = (ushort)RandomNumberGenerator.GetInt32(ushort.MaxValue + 1);

    /// <summary>The outer destination address.</summary>
    public ValueIPAddress Remote { get; } = remote;

    /// <summary>The UDP destination port.</summary>
    public ushort Port { get; } = port;

    /// <summary>When the kernel is to be asked again, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public long Due { get; set; }

    /// <summary>The largest outer IP packet in bytes.</summary>
    public int Mtu { get; private set; }

    /// <summary>Writes the headers of this way, link header included; null while frames cannot go it.</summary>
    public VxlanEncapsulator? Encapsulator { get; private set; }

    /// <summary>The sum of the outer pseudo-header without its length.</summary>
    public ulong PseudoHeader { get; private set; }

    /// <summary>Takes a way.</summary>
    /// <param name="local">The outer source address.</param>
    /// <param name="interfaceIndex">The interface that it leaves by.</param>
    /// <param name="mtu">The largest outer IP packet in bytes.</param>
    public void Open(ValueIPAddress local, int interfaceIndex, int mtu)
    {
        Mtu = mtu;
        if (Encapsulator is not null && interfaceIndex == _interfaceIndex)
        {
            return;
        }

        _interfaceIndex = interfaceIndex;
        PseudoHeader = InternetChecksum.PseudoHeader(local, Remote, IPProtocol.Udp, 0);
        Encapsulator = new VxlanEncapsulator(local, Remote, new VxlanEncapsulatorOptions
        {
            DestinationPort = Port,
            // The sender writes what the kernel is to complete.
            OuterChecksum = false,
            LinkHeader = RedirectFrame.Header(interfaceIndex, Remote.IsIPv4),
        });
    }

    /// <summary>There is no way for frames.</summary>
    public void Close() => Encapsulator = null;

    /// <summary>Takes as many identifications as a packet has segments: the kernel numbers them upwards from the first.</summary>
    /// <returns>The first.</returns>
    public ushort TakeIdentifications(int segments)
    {
        ushort first = _identification;
        _identification += (ushort)segments;
        return first;
    }
}
