using System.Net.NetworkInformation;
using System.Text;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>The MTU of the interface under a socket, asked of the kernel at most once a second.</summary>
internal sealed unsafe class LinkMtu
{
    /// <summary>Assumed where no interface is known: the local address is not (yet) on any.</summary>
    public const int Default = 1500;

    // struct ifreq (net/if.h): a name of 16 bytes and a union of 24.
    private const int RequestLength = 40;
    private const int NameLength = 16;
    private const long IntervalMilliseconds = 1000;

    private readonly NativeSocket _socket;
    private readonly byte[]? _name;
    private long _due;
    private int _mtu = Default;

    public LinkMtu(NativeSocket socket, string? link, ValueIPAddress local)
    {
        _socket = socket;
        link ??= FindLink(local);
        _name = link is null ? null : Encoding.ASCII.GetBytes(link);
        Invalidate();
    }

    /// <summary>The MTU in bytes.</summary>
    public int Value
    {
        get
        {
            long now = Environment.TickCount64;
            if (now >= _due && _name is not null)
            {
                _due = now + IntervalMilliseconds;
                Refresh();
            }

            return _mtu;
        }
    }

    /// <summary>Asks the kernel at the next reading: a send was refused as too big.</summary>
    public void Invalidate() => _due = long.MinValue;

    private void Refresh()
    {
        byte* request = stackalloc byte[RequestLength];
        Span<byte> bytes = new(request, RequestLength);
        bytes.Clear();
        _name.AsSpan().CopyTo(bytes[..(NameLength - 1)]);
        // A link that is gone keeps its last MTU: sends fail with their own reason until it is back.
        if (Libc.ioctl(_socket.Handle, SocketConstants.SIOCGIFMTU, request) == 0)
        {
            _mtu = BitConverter.ToInt32(bytes[NameLength..]);
        }
    }

    /// <summary>The interface that has an address; null if none does.</summary>
    public static string? FindLink(ValueIPAddress local)
    {
        foreach (NetworkInterface link in NetworkInterface.GetAllNetworkInterfaces())
        {
            foreach (UnicastIPAddressInformation address in link.GetIPProperties().UnicastAddresses)
            {
                if (ValueIPAddress.FromIPAddress(address.Address) == local)
                {
                    return link.Name;
                }
            }
        }

        return null;
    }
}
