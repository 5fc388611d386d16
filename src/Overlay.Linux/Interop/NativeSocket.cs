namespace Overlay.Linux.Interop;

/// <summary>A socket that never blocks, with its options. What the kernel refuses becomes a <see cref="LinuxException"/> about <c>name</c>.</summary>
internal sealed unsafe class NativeSocket : IDisposable
{
    private readonly FileDescriptor _descriptor;
    private readonly string _name;

    private NativeSocket(FileDescriptor descriptor, string name)
    {
        _descriptor = descriptor;
        _name = name;
    }

    /// <summary>The descriptor's number.</summary>
    public int Handle => _descriptor.Value;

    /// <summary>Opens a socket.</summary>
    /// <param name="family">AF_INET and so on.</param>
    /// <param name="type">SOCK_DGRAM or SOCK_RAW.</param>
    /// <param name="protocol">The protocol number.</param>
    /// <param name="name">What the socket is for, in messages.</param>
    public static NativeSocket Open(int family, int type, int protocol, string name)
    {
        int handle = SocketCalls.socket(family, type | SocketConstants.SOCK_NONBLOCK | SocketConstants.SOCK_CLOEXEC, protocol);
        if (handle < 0)
        {
            Errno errno = Libc.LastError;
            string? advice = errno switch
            {
                Errno.EPERM or Errno.EACCES => "needs CAP_NET_RAW",
                Errno.EAFNOSUPPORT => "IPv6 is disabled on this host",
                _ => null,
            };
            throw new LinuxException(errno, "socket", name, advice);
        }

        return new NativeSocket(new FileDescriptor(handle), name);
    }

    /// <summary>Sets an integer option.</summary>
    /// <returns>What the kernel answered.</returns>
    public Errno TrySet(int level, int option, int value) =>
        SocketCalls.setsockopt(Handle, level, option, &value, sizeof(int)) == 0 ? Errno.None : Libc.LastError;

    /// <summary>Sets an integer option.</summary>
    public void Set(int level, int option, int value, string optionName)
    {
        Errno errno = TrySet(level, option, value);
        if (errno != Errno.None)
        {
            throw new LinuxException(errno, optionName, _name);
        }
    }

    /// <summary>Reads an integer option.</summary>
    public int Get(int level, int option, string optionName)
    {
        int value = 0;
        uint length = sizeof(int);
        return SocketCalls.getsockopt(Handle, level, option, &value, &length) == 0 ? value : throw LinuxException.Last(optionName, _name);
    }

    /// <summary>Asks for a buffer size, beyond the system's limit if this process may; what was got is in <see cref="Get"/>.</summary>
    public void SetBuffer(int forceOption, int option, int bytes)
    {
        if (TrySet(SocketConstants.SOL_SOCKET, forceOption, bytes) != Errno.None)
        {
            Set(SocketConstants.SOL_SOCKET, option, bytes, option == SocketConstants.SO_RCVBUF ? "SO_RCVBUF" : "SO_SNDBUF");
        }
    }

    /// <summary>Sends and receives by one interface only.</summary>
    public void BindToDevice(string link)
    {
        Span<byte> name = stackalloc byte[64];
        if (!System.Text.Encoding.ASCII.TryGetBytes(link, name, out int length))
        {
            throw new LinuxException(Errno.ENAMETOOLONG, "SO_BINDTODEVICE", link);
        }

        fixed (byte* pointer = name)
        {
            if (SocketCalls.setsockopt(Handle, SocketConstants.SOL_SOCKET, SocketConstants.SO_BINDTODEVICE, pointer, (uint)length) != 0)
            {
                throw LinuxException.Last("SO_BINDTODEVICE", $"{_name} on {link}");
            }
        }
    }

    /// <summary>Joins a multicast group on an interface; the kernel leaves it when the socket is closed.</summary>
    public void JoinGroup(ValueIPAddress group, uint link)
    {
        GroupRequest request = GroupRequest.Of(group, link);
        int level = group.IsIPv4 ? SocketConstants.IPPROTO_IP : SocketConstants.IPPROTO_IPV6;
        if (SocketCalls.setsockopt(Handle, level, SocketConstants.MCAST_JOIN_GROUP, &request, (uint)sizeof(GroupRequest)) != 0)
        {
            throw LinuxException.Last("MCAST_JOIN_GROUP", _name);
        }
    }

    /// <summary>Lets nothing in: whatever arrives is dropped before it is queued. To be called before the socket is bound.</summary>
    public void DropAll()
    {
        SocketFilter filter = new() { Code = SocketFilter.ReturnConstant, Constant = 0 };
        Filter(new ReadOnlySpan<SocketFilter>(in filter));
    }

    /// <summary>Lets in what a program of classic BPF admits.</summary>
    public void Filter(ReadOnlySpan<SocketFilter> instructions)
    {
        fixed (SocketFilter* first = instructions)
        {
            SocketFilterProgram program = new() { Length = (ushort)instructions.Length, Filter = first };
            if (SocketCalls.setsockopt(Handle, SocketConstants.SOL_SOCKET, SocketConstants.SO_ATTACH_FILTER, &program, (uint)sizeof(SocketFilterProgram)) != 0)
            {
                throw LinuxException.Last("SO_ATTACH_FILTER", _name);
            }
        }
    }

    /// <summary>Binds to an address.</summary>
    /// <returns>What the kernel answered.</returns>
    public Errno TryBind(ValueIPAddress address, ushort port, uint scope)
    {
        Span<byte> bytes = stackalloc byte[SocketAddress.MaxLength];
        int length = SocketAddress.Write(bytes, address, port, 0, scope);
        return TryBind(bytes[..length]);
    }

    /// <summary>Binds to an address given as bytes.</summary>
    /// <returns>What the kernel answered.</returns>
    public Errno TryBind(ReadOnlySpan<byte> address)
    {
        fixed (byte* pointer = address)
        {
            return SocketCalls.bind(Handle, pointer, (uint)address.Length) == 0 ? Errno.None : Libc.LastError;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();
}
