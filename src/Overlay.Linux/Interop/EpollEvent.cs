using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>
/// Room for struct epoll_event (sys/epoll.h), which is packed to 12 bytes on x86-64 and has 16 elsewhere. Only the first field is used:
/// an epoll descriptor serves here to be polled itself.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct EpollEvent
{
    public uint Events;
}
