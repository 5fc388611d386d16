using Overlay.Linux.Interop;

namespace Overlay.Linux.Bpf;

/// <summary>
/// A program at the entrance of an interface (tcx, Linux 6.6): it sees each packet before anything else of the network stack does. Disposing
/// it, or the end of the process, detaches the program.
/// </summary>
internal sealed unsafe class TcxLink : IDisposable
{
    private readonly FileDescriptor _descriptor;

    private TcxLink(FileDescriptor descriptor) => _descriptor = descriptor;

    /// <summary>Attaches a program, behind those that are there.</summary>
    /// <param name="program">The program; the link holds it, so that it may be disposed.</param>
    /// <param name="interfaceIndex">The interface, in the network namespace of this thread.</param>
    /// <exception cref="LinuxException">
    /// EPERM: a capability is missing. EINVAL: a kernel before 6.6. ENODEV: no such interface.
    /// </exception>
    public static TcxLink AttachIngress(BpfProgram program, int interfaceIndex)
    {
        BpfCalls.LinkCreate request = new()
        {
            Program = (uint)program.Handle,
            InterfaceIndex = (uint)interfaceIndex,
            AttachType = BpfCalls.BPF_TCX_INGRESS,
        };
        int handle = BpfCalls.Call(BpfCalls.BPF_LINK_CREATE, &request, (uint)sizeof(BpfCalls.LinkCreate), out Errno errno);
        if (handle >= 0)
        {
            return new TcxLink(new FileDescriptor(handle));
        }

        string? advice = errno switch
        {
            Errno.EPERM => "needs CAP_BPF and CAP_NET_ADMIN",
            Errno.EINVAL => "needs Linux 6.6 for tcx",
            _ => null,
        };
        throw new LinuxException(errno, nameof(BpfCalls.BPF_LINK_CREATE), $"BPF program {program.Name} on interface {interfaceIndex}", advice);
    }

    /// <summary>Detaches the program.</summary>
    public void Dispose() => _descriptor.Dispose();
}
