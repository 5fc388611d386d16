using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>The calls of a TUN or TAP device whose answers depend on the kernel: the one place where tests can put another kernel.</summary>
internal unsafe class DeviceCalls
{
    /// <summary>The kernel's release, by which known faults are avoided.</summary>
    public virtual KernelRelease Release { get; } = KernelRelease.Running();

    /// <summary>Agrees on what the kernel may hand over (TUNSETOFFLOAD).</summary>
    public virtual Errno SetOffloads(int device, uint offloads) =>
        Libc.ioctl(device, Tun.TUNSETOFFLOAD, (void*)offloads) == 0 ? Errno.None : Libc.LastError;

    /// <summary>Hands over one packet.</summary>
    /// <param name="device">The device.</param>
    /// <param name="vectors">The vnet header, if the device has one, and the packet.</param>
    /// <param name="count">How many vectors there are.</param>
    public virtual Errno Write(int device, IoVector* vectors, int count) =>
        Libc.writev(device, vectors, count) >= 0 ? Errno.None : Libc.LastError;
}
