using System.Security.Cryptography;

namespace Overlay.Linux;

/// <summary>The way to one remote and port as the kernel's routes had it last.</summary>
/// <param name="remote">The outer destination address.</param>
/// <param name="port">The UDP destination port; 0 where there are no ports.</param>
internal abstract class UnderlayPath(ValueIPAddress remote, ushort port)
{
    private int _interfaceIndex;

    // From anywhere, so that two runs within the lifetime of a packet do not use the same ones (RFC 6864 §4).
    private ushort _identification = (ushort)RandomNumberGenerator.GetInt32(ushort.MaxValue + 1);

    /// <summary>The outer destination address.</summary>
    public ValueIPAddress Remote { get; } = remote;

    /// <summary>The UDP destination port; 0 where there are no ports.</summary>
    public ushort Port { get; } = port;

    /// <summary>When the kernel is to be asked again, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public long Due { get; set; }

    /// <summary>Whether frames can go this way.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>The largest outer IP packet in bytes.</summary>
    public int Mtu { get; private set; }

    /// <summary>Takes a way.</summary>
    /// <param name="local">The outer source address.</param>
    /// <param name="interfaceIndex">The interface that it leaves by.</param>
    /// <param name="mtu">The largest outer IP packet in bytes.</param>
    public void Open(ValueIPAddress local, int interfaceIndex, int mtu)
    {
        Mtu = mtu;
        IsOpen = true;
        if (interfaceIndex != _interfaceIndex)
        {
            _interfaceIndex = interfaceIndex;
            Prepare(local, interfaceIndex);
        }
    }

    /// <summary>There is no way for frames.</summary>
    public void Close() => IsOpen = false;

    /// <summary>Takes as many identifications as a packet has segments: the kernel numbers them upwards from the first.</summary>
    /// <returns>The first.</returns>
    public ushort TakeIdentifications(int segments)
    {
        ushort first = _identification;
        _identification += (ushort)segments;
        return first;
    }

    /// <summary>Makes the headers of a way that leaves by another interface than before.</summary>
    protected abstract void Prepare(ValueIPAddress local, int interfaceIndex);
}
