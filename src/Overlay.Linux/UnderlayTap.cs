using Overlay.Linux.Bpf;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// The TAP that whole superpackets leave by: what is written to it arrives at the kernel as if it came from a wire, and a program at its entrance
/// sends it on to the interface that the frame names (<see cref="RedirectFrame"/>).
/// </summary>
/// <remarks>
/// It has no addresses and no carrier: the kernel neither routes to it nor makes up an IPv6 address for it, so that nothing of its own goes out by it
/// and nothing needs to be read. No forwarding is needed, no other setting of the host is touched, and it vanishes when it is disposed.
/// </remarks>
internal sealed unsafe class UnderlayTap : IDisposable
{
    private const uint Offloads = Tun.TUN_F_CSUM | Tun.TUN_F_TSO4 | Tun.TUN_F_TSO6 | Tun.TUN_F_TSO_ECN | Tun.TUN_F_USO4 | Tun.TUN_F_USO6 |
        Tun.TUN_F_UDP_TUNNEL_GSO | Tun.TUN_F_UDP_TUNNEL_GSO_CSUM;

    private readonly FileDescriptor _device;
    private readonly TcxLink _link;

    private UnderlayTap(FileDescriptor device, TcxLink link, string name)
    {
        _device = device;
        _link = link;
        Handle = device.Value;
        Name = name;
    }

    /// <summary>The interface's name.</summary>
    public string Name { get; }

    /// <summary>The descriptor to write frames to, each behind a <see cref="VnetTunnelHeader"/>.</summary>
    public int Handle { get; }

    /// <summary>Makes the interface, in the network namespace of this thread.</summary>
    /// <param name="name">Its name, or a pattern with <c>%d</c>.</param>
    /// <exception cref="ArgumentException">No interface can have this name.</exception>
    /// <exception cref="LinuxException">The kernel cannot do it (before 6.17), or this process may not.</exception>
    /// <exception cref="PlatformNotSupportedException">There are no BPF programs for this kind of machine.</exception>
    public static UnderlayTap Open(string name)
    {
        InterfaceName.Check(name, nameof(name));
        // First what takes rights and leaves no trace: an interface that comes and goes wakes up whoever watches interfaces.
        using BpfProgram program = BpfProgram.Load("overlay_out", RedirectFrame.Program(), "Dual MIT/GPL");
        FileDescriptor device = TunDevice.OpenClone();
        try
        {
            string actualName = TunDevice.Attach(device, name, new TunDeviceOptions());
            SetUp(device, actualName);
            using RouteNetlink netlink = RouteNetlink.Open();
            int index = netlink.GetLink(actualName).Index;
            TcxLink link = TcxLink.AttachIngress(program, index);
            try
            {
                netlink.SetLink(index, new LinkSettings { Up = true });
                return new UnderlayTap(device, link, actualName);
            }
            catch
            {
                link.Dispose();
                throw;
            }
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>Removes the interface.</summary>
    public void Dispose()
    {
        _device.Dispose();
        _link.Dispose();
    }

    private static void SetUp(FileDescriptor device, string name)
    {
        int length = VnetTunnelHeader.Length;
        if (Libc.ioctl(device.Value, Tun.TUNSETVNETHDRSZ, &length) != 0)
        {
            throw LinuxException.Last(nameof(Tun.TUNSETVNETHDRSZ), name);
        }

        if (!TunDevice.SetOffload(device, Offloads))
        {
            Errno error = Libc.LastError;
            string? advice = error == Errno.EINVAL ? "UDP tunnel segmentation on a TAP needs Linux 6.17" : null;
            throw new LinuxException(error, nameof(Tun.TUNSETOFFLOAD), name, advice);
        }

        int carrier = 0;
        if (Libc.ioctl(device.Value, Tun.TUNSETCARRIER, &carrier) != 0)
        {
            throw LinuxException.Last(nameof(Tun.TUNSETCARRIER), name);
        }
    }
}
