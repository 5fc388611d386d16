using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>struct pollfd (bits/poll.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollDescriptor
{
    public int Handle;
    public short Events;
    public short ReturnedEvents;
}
