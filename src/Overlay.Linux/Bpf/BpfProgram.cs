using System.Text;
using Overlay.Linux.Interop;

namespace Overlay.Linux.Bpf;

/// <summary>A traffic control program (BPF_PROG_TYPE_SCHED_CLS) that the kernel has taken. It lives until it is disposed and no link holds it.</summary>
internal sealed unsafe class BpfProgram : IDisposable
{
    // Enough for the end of the log of a program of some hundred instructions; the end is where the reason stands.
    private const int LogLength = 256 * 1024;

    private readonly FileDescriptor _descriptor;

    private BpfProgram(FileDescriptor descriptor, string name)
    {
        _descriptor = descriptor;
        Name = name;
    }

    /// <summary>The name in messages, and as the kernel lists it.</summary>
    public string Name { get; }

    /// <summary>The descriptor's number.</summary>
    public int Handle => _descriptor.Value;

    /// <summary>Hands a program to the kernel.</summary>
    /// <param name="name">A name of up to 15 letters, digits, underscores and dots.</param>
    /// <param name="instructions">The program; see <see cref="BpfAssembler"/>.</param>
    /// <param name="license">Its license. The kernel keeps some functions for those that it counts as compatible with the GPL; "Dual MIT/GPL" is one.</param>
    /// <exception cref="LinuxException">
    /// EPERM: CAP_BPF and CAP_NET_ADMIN are missing. ENOSYS: a kernel without BPF. EINVAL, EACCES and others: the verifier refused the program; its
    /// log is in the message.
    /// </exception>
    /// <exception cref="PlatformNotSupportedException">This is a machine of big endian, or one whose number for the call is not known here.</exception>
    public static BpfProgram Load(string name, ReadOnlySpan<ulong> instructions, string license)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("BPF programs are assembled for machines of little endian.");
        }

        int handle;
        Errno errno;
        string? log = null;
        fixed (ulong* code = instructions)
        fixed (byte* licenseText = Encoding.ASCII.GetBytes(license + "\0"))
        {
            BpfCalls.ProgramLoad request = new()
            {
                Type = BpfCalls.BPF_PROG_TYPE_SCHED_CLS,
                InstructionCount = (uint)instructions.Length,
                Instructions = (ulong)code,
                License = (ulong)licenseText,
            };
            Span<byte> field = request.Name;
            Encoding.ASCII.GetBytes(name, field[..(BpfCalls.ProgramLoad.NameLength - 1)]);
            handle = BpfCalls.Call(BpfCalls.BPF_PROG_LOAD, &request, (uint)sizeof(BpfCalls.ProgramLoad), out errno);
            if (handle < 0 && errno is not (Errno.EPERM or Errno.ENOSYS))
            {
                // The log costs time and memory, so it is asked for only when there is something to tell.
                handle = LoadWithLog(&request, out errno, out log);
            }
        }

        return handle >= 0
            ? new BpfProgram(new FileDescriptor(handle), name)
            : throw new LinuxException(errno, nameof(BpfCalls.BPF_PROG_LOAD), $"BPF program {name}", Advice(errno, log));
    }

    /// <summary>Closes this reference; links keep the program alive.</summary>
    public void Dispose() => _descriptor.Dispose();

    private static int LoadWithLog(BpfCalls.ProgramLoad* request, out Errno errno, out string log)
    {
        byte[] buffer = new byte[LogLength];
        int handle;
        fixed (byte* start = buffer)
        {
            request->LogLevel = 1;
            request->LogLength = LogLength;
            request->Log = (ulong)start;
            handle = BpfCalls.Call(BpfCalls.BPF_PROG_LOAD, request, (uint)sizeof(BpfCalls.ProgramLoad), out errno);
        }

        int end = Array.IndexOf(buffer, (byte)0);
        log = Encoding.ASCII.GetString(buffer, 0, end < 0 ? buffer.Length : end).Trim();
        return handle;
    }

    private static string? Advice(Errno errno, string? log) => errno switch
    {
        Errno.EPERM => "needs CAP_BPF and CAP_NET_ADMIN",
        Errno.ENOSYS => "the kernel has no BPF",
        _ when !string.IsNullOrEmpty(log) => $"the verifier says: {log}",
        _ => null,
    };
}
