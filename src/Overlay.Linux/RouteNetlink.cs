using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// Interfaces, addresses and routes of a network namespace, over rtnetlink (rtnetlink(7)) and without any other program. The namespace is that of
/// the thread that opens it. Belongs to one thread at a time.
/// </summary>
/// <remarks>Every refusal is a <see cref="LinuxException"/> with the kernel's own explanation, if it gives one.</remarks>
public sealed class RouteNetlink : IDisposable
{
    private const int RequestLength = 512;
    private const int ReceiveLength = 64 * 1024;
    private const int TimeoutSeconds = 5;
    private const int DumpAttempts = 5;
    private const uint Up = (uint)LinkFlags.Up;
    private const uint TentativeFlag = 0x40;

    private readonly FileDescriptor _socket;
    private readonly byte[] _buffer = new byte[ReceiveLength];
    private uint _sequence;

    private RouteNetlink(FileDescriptor socket) => _socket = socket;

    private delegate void MessageHandler(ushort type, ReadOnlySpan<byte> body);

    private delegate void HeaderWriter(Span<byte> header);

    /// <summary>Opens a connection to the kernel in the network namespace of this thread.</summary>
    /// <exception cref="LinuxException">The kernel gives no socket.</exception>
    public static RouteNetlink Open() => new(NetlinkCalls.OpenRouteSocket(TimeoutSeconds));

    /// <summary>An interface by name.</summary>
    /// <exception cref="LinuxException">ENODEV: there is none of this name.</exception>
    public LinkInfo GetLink(string name)
    {
        InterfaceName.Check(name, nameof(name));
        return GetLink(name, 0);
    }

    /// <summary>An interface by index.</summary>
    /// <exception cref="LinuxException">ENODEV: there is none of this index.</exception>
    public LinkInfo GetLink(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(index);
        return GetLink(null, index);
    }

    /// <summary>All interfaces of the namespace, in the kernel's order.</summary>
    public IReadOnlyList<LinkInfo> GetLinks()
    {
        List<LinkInfo> links = [];
        Dump(Rtnetlink.RTM_GETLINK, Rtnetlink.LinkHeaderLength, nameof(Rtnetlink.RTM_GETLINK), "interfaces", links.Clear, (type, body) =>
        {
            if (type == Rtnetlink.RTM_NEWLINK && ParseLink(body) is LinkInfo link)
            {
                links.Add(link);
            }
        });
        return links;
    }

    /// <summary>Changes an interface.</summary>
    /// <exception cref="LinuxException">EPERM without CAP_NET_ADMIN, ENODEV, EINVAL for an MTU or MAC the driver refuses.</exception>
    public void SetLink(int index, LinkSettings settings)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(index);
        ArgumentNullException.ThrowIfNull(settings);
        NetlinkWriter writer = Begin(stackalloc byte[RequestLength], Rtnetlink.RTM_NEWLINK, Rtnetlink.NLM_F_ACK);
        Span<byte> header = writer.Header(Rtnetlink.LinkHeaderLength);
        MemoryMarshal.Write(header[4..], index);
        if (settings.Up is bool up)
        {
            MemoryMarshal.Write(header[8..], up ? Up : 0);
            MemoryMarshal.Write(header[12..], Up);
        }

        if (settings.Mtu is int mtu)
        {
            writer.Attribute(Rtnetlink.IFLA_MTU, (uint)mtu);
        }

        if (settings.TxQueueLength is int length)
        {
            writer.Attribute(Rtnetlink.IFLA_TXQLEN, (uint)length);
        }

        if (settings.Mac is MacAddress mac)
        {
            Span<byte> bytes = stackalloc byte[MacAddress.Length];
            mac.TryWriteBytes(bytes);
            writer.Attribute(Rtnetlink.IFLA_ADDRESS, bytes);
        }

        Execute(writer.Finish(), nameof(Rtnetlink.RTM_NEWLINK), $"interface {index}", null);
    }

    /// <summary>Deletes an interface.</summary>
    /// <exception cref="LinuxException">ENODEV; EOPNOTSUPP for one that is hardware.</exception>
    public void DeleteLink(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(index);
        NetlinkWriter writer = Begin(stackalloc byte[RequestLength], Rtnetlink.RTM_DELLINK, Rtnetlink.NLM_F_ACK);
        MemoryMarshal.Write(writer.Header(Rtnetlink.LinkHeaderLength)[4..], index);
        Execute(writer.Finish(), nameof(Rtnetlink.RTM_DELLINK), $"interface {index}", null);
    }

    /// <summary>Gives an interface an address, and with it the route to its prefix.</summary>
    /// <param name="index">The interface.</param>
    /// <param name="address">The address.</param>
    /// <param name="prefixLength">Bits of the prefix.</param>
    /// <param name="skipDuplicateDetection">
    /// Whether an IPv6 address can be used at once (IFA_F_NODAD): right for a tunnel, where nobody else answers within the second it would take.
    /// </param>
    /// <exception cref="LinuxException">EEXIST; EACCES if IPv6 is disabled there; EPERM without CAP_NET_ADMIN.</exception>
    public void AddAddress(int index, ValueIPAddress address, int prefixLength, bool skipDuplicateDetection = true) => ChangeAddress(
        Rtnetlink.RTM_NEWADDR, nameof(Rtnetlink.RTM_NEWADDR), Rtnetlink.NLM_F_CREATE | Rtnetlink.NLM_F_EXCL, index, address, prefixLength, skipDuplicateDetection);

    /// <summary>Takes an address from an interface.</summary>
    /// <exception cref="LinuxException">EADDRNOTAVAIL: it has no such address.</exception>
    public void DeleteAddress(int index, ValueIPAddress address, int prefixLength) =>
        ChangeAddress(Rtnetlink.RTM_DELADDR, nameof(Rtnetlink.RTM_DELADDR), 0, index, address, prefixLength, skipDuplicateDetection: false);

    /// <summary>The addresses of an interface or, with index 0, of all.</summary>
    public IReadOnlyList<AddressInfo> GetAddresses(int index = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        List<AddressInfo> addresses = [];
        Dump(Rtnetlink.RTM_GETADDR, Rtnetlink.AddressHeaderLength, nameof(Rtnetlink.RTM_GETADDR), "addresses", addresses.Clear, (type, body) =>
        {
            if (type == Rtnetlink.RTM_NEWADDR && TryParseAddress(body, out AddressInfo address) && (index == 0 || address.InterfaceIndex == index))
            {
                addresses.Add(address);
            }
        });
        return addresses;
    }

    /// <summary>Adds a route to the main table.</summary>
    /// <param name="route">The route.</param>
    /// <param name="replace">Whether a route to the same prefix with the same metric is replaced; otherwise it is an error.</param>
    /// <exception cref="ArgumentException">The addresses are of different families.</exception>
    /// <exception cref="LinuxException">EEXIST; ENETDOWN or ENETUNREACH: the link is down or the gateway is not on it; EPERM without CAP_NET_ADMIN.</exception>
    public void AddRoute(KernelRoute route, bool replace = false) => ChangeRoute(
        Rtnetlink.RTM_NEWROUTE, nameof(Rtnetlink.RTM_NEWROUTE), (ushort)(Rtnetlink.NLM_F_CREATE | (replace ? Rtnetlink.NLM_F_REPLACE : Rtnetlink.NLM_F_EXCL)), route);

    /// <summary>Deletes a route from the main table.</summary>
    /// <exception cref="ArgumentException">The addresses are of different families.</exception>
    /// <exception cref="LinuxException">ESRCH: there is no such route.</exception>
    public void DeleteRoute(KernelRoute route) => ChangeRoute(Rtnetlink.RTM_DELROUTE, nameof(Rtnetlink.RTM_DELROUTE), 0, route);

    /// <summary>The unicast routes of the main table that somebody made, those with one next hop, in the kernel's order, IPv4 first.</summary>
    /// <param name="protocol">Who (RTPROT_*).</param>
    public IReadOnlyList<KernelRoute> GetRoutes(byte protocol)
    {
        List<KernelRoute> routes = [];
        // Then the kernel leaves out what is not asked for (Linux 4.20). Where it does not, there are more to be read, and left out here.
        NetlinkCalls.SetStrict(_socket, true);
        try
        {
            foreach (byte family in (ReadOnlySpan<byte>)[Rtnetlink.AF_INET, Rtnetlink.AF_INET6])
            {
                int before = routes.Count;
                Dump(
                    Rtnetlink.RTM_GETROUTE, Rtnetlink.RouteHeaderLength, nameof(Rtnetlink.RTM_GETROUTE), "routes",
                    () => routes.RemoveRange(before, routes.Count - before),
                    (type, body) =>
                    {
                        if (type == Rtnetlink.RTM_NEWROUTE && TryParseEntry(body, family, protocol, out KernelRoute? route))
                        {
                            routes.Add(route);
                        }
                    },
                    header =>
                    {
                        header[0] = family;
                        header[4] = Rtnetlink.RT_TABLE_MAIN;
                        header[5] = protocol;
                        header[7] = Rtnetlink.RTN_UNICAST;
                    });
            }
        }
        finally
        {
            NetlinkCalls.SetStrict(_socket, false);
        }

        return routes;
    }

    /// <summary>Asks where packets for a destination go, as the kernel would decide for a socket.</summary>
    /// <param name="destination">The destination.</param>
    /// <param name="source">The source address, if it is fixed.</param>
    /// <param name="link">The interface the socket is bound to; 0 for none.</param>
    /// <param name="mark">The firewall mark (SO_MARK); 0 for none.</param>
    /// <exception cref="ArgumentException">Source and destination are of different families.</exception>
    /// <exception cref="LinuxException">ENETUNREACH: there is no route; EHOSTUNREACH, EACCES, EINVAL: an unreachable, prohibit, blackhole route.</exception>
    public RouteInfo GetRoute(ValueIPAddress destination, ValueIPAddress? source = null, int link = 0, uint mark = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(link);
        RequireFamily(destination, source, nameof(source));
        NetlinkWriter writer = Begin(stackalloc byte[RequestLength], Rtnetlink.RTM_GETROUTE, 0);
        Span<byte> header = writer.Header(Rtnetlink.RouteHeaderLength);
        header[0] = Family(destination);
        header[1] = (byte)destination.BitLength;
        writer.Attribute(Rtnetlink.RTA_DST, destination);
        if (source is ValueIPAddress from)
        {
            header[2] = (byte)from.BitLength;
            writer.Attribute(Rtnetlink.RTA_SRC, from);
        }

        if (link != 0)
        {
            writer.Attribute(Rtnetlink.RTA_OIF, (uint)link);
        }

        if (mark != 0)
        {
            writer.Attribute(Rtnetlink.RTA_MARK, mark);
        }

        RouteInfo? route = null;
        Execute(writer.Finish(), nameof(Rtnetlink.RTM_GETROUTE), $"route to {destination}", (type, body) =>
        {
            if (type == Rtnetlink.RTM_NEWROUTE)
            {
                route = ParseRoute(body, source);
            }
        });
        if (route is null)
        {
            throw Unanswered(nameof(Rtnetlink.RTM_GETROUTE), $"route to {destination}");
        }

        // Without a metric of its own a route has the MTU of its interface.
        return route.Mtu != 0 || route.InterfaceIndex == 0 ? route : route with { Mtu = GetLink(route.InterfaceIndex).Mtu };
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static byte Family(ValueIPAddress address) => address.IsIPv4 ? Rtnetlink.AF_INET : Rtnetlink.AF_INET6;

    private static void RequireFamily(ValueIPAddress one, ValueIPAddress? other, string parameter)
    {
        if (other is ValueIPAddress second && second.IsIPv4 != one.IsIPv4)
        {
            throw new ArgumentException($"{second} and {one} are of different families.", parameter);
        }
    }

    private static LinkInfo? ParseLink(ReadOnlySpan<byte> body)
    {
        if (body.Length < Rtnetlink.LinkHeaderLength)
        {
            return null;
        }

        string? name = null;
        string? kind = null;
        int mtu = 0;
        int queue = 0;
        MacAddress mac = default;
        OperationalState state = default;
        long receiveDropped = 0;
        long transmitDropped = 0;
        NetlinkAttributes attributes = new(body[Rtnetlink.LinkHeaderLength..]);
        while (attributes.MoveNext())
        {
            ReadOnlySpan<byte> value = attributes.Value;
            switch (attributes.Type)
            {
                case Rtnetlink.IFLA_IFNAME:
                    name = InterfaceName.Read(value);
                    break;
                case Rtnetlink.IFLA_MTU:
                    mtu = (int)attributes.UInt32;
                    break;
                case Rtnetlink.IFLA_TXQLEN:
                    queue = (int)attributes.UInt32;
                    break;
                case Rtnetlink.IFLA_ADDRESS when value.Length == MacAddress.Length:
                    mac = new MacAddress(value);
                    break;
                case Rtnetlink.IFLA_OPERSTATE when value.Length == 1:
                    state = (OperationalState)value[0];
                    break;
                case Rtnetlink.IFLA_LINKINFO:
                    NetlinkAttributes info = new(value);
                    while (info.MoveNext())
                    {
                        kind = info.Type == Rtnetlink.IFLA_INFO_KIND ? InterfaceName.Read(info.Value) : kind;
                    }

                    break;
                // struct rtnl_link_stats64: packets, bytes, errors and dropped, each received and sent, are its first eight numbers.
                case Rtnetlink.IFLA_STATS64 when value.Length >= 8 * sizeof(long):
                    receiveDropped = MemoryMarshal.Read<long>(value[(6 * sizeof(long))..]);
                    transmitDropped = MemoryMarshal.Read<long>(value[(7 * sizeof(long))..]);
                    break;
            }
        }

        return name is null ? null : new LinkInfo
        {
            Index = MemoryMarshal.Read<int>(body[4..]),
            Flags = (LinkFlags)MemoryMarshal.Read<uint>(body[8..]),
            Name = name,
            Mtu = mtu,
            Mac = mac,
            OperationalState = state,
            TxQueueLength = queue,
            Kind = kind,
            ReceiveDropped = receiveDropped,
            TransmitDropped = transmitDropped,
        };
    }

    private static bool TryParseAddress(ReadOnlySpan<byte> body, out AddressInfo result)
    {
        result = default;
        if (body.Length < Rtnetlink.AddressHeaderLength)
        {
            return false;
        }

        uint flags = body[2];
        ValueIPAddress? local = null;
        ValueIPAddress? address = null;
        NetlinkAttributes attributes = new(body[Rtnetlink.AddressHeaderLength..]);
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case Rtnetlink.IFA_LOCAL when attributes.TryGetAddress(out ValueIPAddress value):
                    local = value;
                    break;
                case Rtnetlink.IFA_ADDRESS when attributes.TryGetAddress(out ValueIPAddress value):
                    address = value;
                    break;
                case Rtnetlink.IFA_FLAGS:
                    flags = attributes.UInt32;
                    break;
            }
        }

        // With a peer, IFA_ADDRESS is the other end's; without, IPv6 has no IFA_LOCAL.
        if ((local ?? address) is not ValueIPAddress own)
        {
            return false;
        }

        result = new AddressInfo(MemoryMarshal.Read<int>(body[4..]), own, body[1], (flags & TentativeFlag) != 0);
        return true;
    }

    private static RouteInfo? ParseRoute(ReadOnlySpan<byte> body, ValueIPAddress? source)
    {
        if (body.Length < Rtnetlink.RouteHeaderLength)
        {
            return null;
        }

        int link = 0;
        int mtu = 0;
        bool learned = false;
        ValueIPAddress? gateway = null;
        ValueIPAddress? preferred = source;
        NetlinkAttributes attributes = new(body[Rtnetlink.RouteHeaderLength..]);
        while (attributes.MoveNext())
        {
            ReadOnlySpan<byte> value = attributes.Value;
            switch (attributes.Type)
            {
                case Rtnetlink.RTA_OIF:
                    link = (int)attributes.UInt32;
                    break;
                case Rtnetlink.RTA_GATEWAY when attributes.TryGetAddress(out ValueIPAddress address):
                    gateway = address;
                    break;
                // struct rtvia: the family as two bytes, then the address.
                case Rtnetlink.RTA_VIA when value.Length - sizeof(ushort) is ValueIPAddress.IPv4Length or ValueIPAddress.IPv6Length:
                    gateway = new ValueIPAddress(value[sizeof(ushort)..]);
                    break;
                case Rtnetlink.RTA_PREFSRC when attributes.TryGetAddress(out ValueIPAddress address):
                    preferred = address;
                    break;
                case Rtnetlink.RTA_METRICS:
                    NetlinkAttributes metrics = new(value);
                    while (metrics.MoveNext())
                    {
                        mtu = metrics.Type == Rtnetlink.RTAX_MTU ? (int)metrics.UInt32 : mtu;
                    }

                    break;
                // struct rta_cacheinfo: clntref, lastuse, expires …; what expires is an exception that ICMP made.
                case Rtnetlink.RTA_CACHEINFO when value.Length >= 3 * sizeof(int):
                    learned = MemoryMarshal.Read<int>(value[8..]) != 0;
                    break;
            }
        }

        return new RouteInfo
        {
            Kind = (RouteKind)body[7],
            InterfaceIndex = link,
            Gateway = gateway,
            Source = preferred,
            Mtu = mtu,
            IsMtuLearned = learned && mtu != 0,
        };
    }

    private static bool TryParseEntry(ReadOnlySpan<byte> body, byte family, byte protocol, [NotNullWhen(true)] out KernelRoute? route)
    {
        route = null;
        if (body.Length < Rtnetlink.RouteHeaderLength || body[0] != family || body[4] != Rtnetlink.RT_TABLE_MAIN || body[5] != protocol ||
            body[7] != Rtnetlink.RTN_UNICAST)
        {
            return false;
        }

        ValueIPAddress prefix = ValueIPAddress.FromIPAddress(family == Rtnetlink.AF_INET ? IPAddress.Any : IPAddress.IPv6Any);
        int link = 0;
        ValueIPAddress? gateway = null;
        int? metric = null;
        NetlinkAttributes attributes = new(body[Rtnetlink.RouteHeaderLength..]);
        while (attributes.MoveNext())
        {
            switch (attributes.Type)
            {
                case Rtnetlink.RTA_DST when attributes.TryGetAddress(out ValueIPAddress address):
                    prefix = address;
                    break;
                case Rtnetlink.RTA_OIF:
                    link = (int)attributes.UInt32;
                    break;
                case Rtnetlink.RTA_GATEWAY when attributes.TryGetAddress(out ValueIPAddress address):
                    gateway = address;
                    break;
                case Rtnetlink.RTA_PRIORITY:
                    metric = (int)attributes.UInt32;
                    break;
            }
        }

        // Without an interface of its own it has several next hops.
        route = link == 0 ? null : new KernelRoute(new IPNetwork(prefix.ToIPAddress(), body[1]), link) { Gateway = gateway, Metric = metric, Protocol = protocol };
        return route is not null;
    }

    private static LinuxException Unanswered(string call, string name) => new(Errno.ENOENT, call, name, "the kernel acknowledged without an answer");

    /// <summary>The words for a refusal: the kernel's own if it has any, then what is known of the number.</summary>
    private static LinuxException Refused(Errno error, string call, string name, string? explanation, bool isIPv6Address)
    {
        string? advice = error switch
        {
            Errno.EPERM => "needs CAP_NET_ADMIN in this network namespace",
            Errno.EACCES or Errno.EOPNOTSUPP or Errno.EADDRNOTAVAIL or Errno.EAFNOSUPPORT when isIPv6Address =>
                "IPv6 may be disabled there (sysctl net.ipv6.conf.*.disable_ipv6)",
            Errno.ENETDOWN => "the link is down",
            _ => null,
        };
        if (explanation is not null)
        {
            explanation = $"the kernel says '{explanation}'";
            advice = advice is null ? explanation : $"{explanation}; {advice}";
        }

        return new LinuxException(error, call, name, advice);
    }

    private LinkInfo GetLink(string? name, int index)
    {
        NetlinkWriter writer = Begin(stackalloc byte[RequestLength], Rtnetlink.RTM_GETLINK, 0);
        MemoryMarshal.Write(writer.Header(Rtnetlink.LinkHeaderLength)[4..], index);
        if (name is not null)
        {
            Span<byte> bytes = stackalloc byte[InterfaceName.FieldLength];
            InterfaceName.Write(name, bytes);
            writer.Attribute(Rtnetlink.IFLA_IFNAME, bytes[..(bytes.IndexOf((byte)0) + 1)]);
        }

        LinkInfo? link = null;
        string subject = name is null ? $"interface {index}" : $"interface {name}";
        Execute(writer.Finish(), nameof(Rtnetlink.RTM_GETLINK), subject, (type, body) =>
        {
            if (type == Rtnetlink.RTM_NEWLINK)
            {
                link = ParseLink(body);
            }
        });
        return link ?? throw Unanswered(nameof(Rtnetlink.RTM_GETLINK), subject);
    }

    private void ChangeAddress(ushort type, string call, ushort flags, int index, ValueIPAddress address, int prefixLength, bool skipDuplicateDetection)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(index);
        ArgumentOutOfRangeException.ThrowIfNegative(prefixLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLength, address.BitLength);
        NetlinkWriter writer = Begin(stackalloc byte[RequestLength], type, (ushort)(Rtnetlink.NLM_F_ACK | flags));
        Span<byte> header = writer.Header(Rtnetlink.AddressHeaderLength);
        header[0] = Family(address);
        header[1] = (byte)prefixLength;
        header[3] = address.IsLoopback ? Rtnetlink.RT_SCOPE_HOST : Rtnetlink.RT_SCOPE_UNIVERSE;
        MemoryMarshal.Write(header[4..], index);
        writer.Attribute(Rtnetlink.IFA_LOCAL, address);
        writer.Attribute(Rtnetlink.IFA_ADDRESS, address);
        if (skipDuplicateDetection && !address.IsIPv4)
        {
            writer.Attribute(Rtnetlink.IFA_FLAGS, Rtnetlink.IFA_F_NODAD);
        }

        Execute(writer.Finish(), call, $"address {address}/{prefixLength} on interface {index}", null, isIPv6Address: !address.IsIPv4);
    }

    private void ChangeRoute(ushort type, string call, ushort flags, KernelRoute route)
    {
        ArgumentNullException.ThrowIfNull(route);
        ValueIPAddress prefix = route.Destination.BaseAddress;
        RequireFamily(prefix, route.Gateway, nameof(route));
        RequireFamily(prefix, route.Source, nameof(route));
        NetlinkWriter writer = Begin(stackalloc byte[RequestLength], type, (ushort)(Rtnetlink.NLM_F_ACK | flags));
        Span<byte> header = writer.Header(Rtnetlink.RouteHeaderLength);
        header[0] = Family(prefix);
        header[1] = (byte)route.Destination.PrefixLength;
        header[4] = Rtnetlink.RT_TABLE_MAIN;
        if (type == Rtnetlink.RTM_NEWROUTE)
        {
            header[5] = route.Protocol ?? Rtnetlink.RTPROT_STATIC;
            header[6] = prefix.IsIPv4 && route.Gateway is null ? Rtnetlink.RT_SCOPE_LINK : Rtnetlink.RT_SCOPE_UNIVERSE;
            header[7] = Rtnetlink.RTN_UNICAST;
        }
        else
        {
            // Any: whoever deletes a route knows it by prefix, interface and what else is given.
            header[5] = route.Protocol ?? Rtnetlink.RTPROT_UNSPEC;
            header[6] = Rtnetlink.RT_SCOPE_NOWHERE;
        }

        if (route.OnLink)
        {
            MemoryMarshal.Write(header[8..], Rtnetlink.RTNH_F_ONLINK);
        }

        writer.Attribute(Rtnetlink.RTA_DST, prefix);
        if (route.InterfaceIndex != 0)
        {
            writer.Attribute(Rtnetlink.RTA_OIF, (uint)route.InterfaceIndex);
        }

        if (route.Gateway is ValueIPAddress gateway)
        {
            writer.Attribute(Rtnetlink.RTA_GATEWAY, gateway);
        }

        if (route.Source is ValueIPAddress source)
        {
            writer.Attribute(Rtnetlink.RTA_PREFSRC, source);
        }

        if (route.Metric is int metric)
        {
            writer.Attribute(Rtnetlink.RTA_PRIORITY, (uint)metric);
        }

        if (route.Mtu is int mtu && type == Rtnetlink.RTM_NEWROUTE)
        {
            int nest = writer.BeginNest(Rtnetlink.RTA_METRICS);
            writer.Attribute(Rtnetlink.RTAX_MTU, (uint)mtu);
            writer.EndNest(nest);
        }

        Execute(writer.Finish(), call, $"route to {route.Destination} by interface {route.InterfaceIndex}", null, isIPv6Address: !prefix.IsIPv4);
    }

    private NetlinkWriter Begin(Span<byte> buffer, ushort type, ushort flags) =>
        new(buffer, type, (ushort)(Rtnetlink.NLM_F_REQUEST | flags), ++_sequence);

    private void Dump(ushort type, int headerLength, string call, string name, Action restart, MessageHandler handler, HeaderWriter? fill = null)
    {
        Span<byte> buffer = stackalloc byte[RequestLength];
        for (int attempt = 1; ; attempt++)
        {
            restart();
            NetlinkWriter writer = Begin(buffer, type, Rtnetlink.NLM_F_DUMP);
            Span<byte> header = writer.Header(headerLength);
            fill?.Invoke(header);
            if (Execute(writer.Finish(), call, name, handler))
            {
                return;
            }

            // Something changed while the kernel went through its list, which may now lack or repeat an entry.
            if (attempt == DumpAttempts)
            {
                throw new LinuxException(Errno.EAGAIN, call, name, $"the list changed while it was read, {DumpAttempts} times in a row");
            }
        }
    }

    /// <summary>Sends a request and goes through what comes back, up to the acknowledgement, the end of the dump, or the one answer.</summary>
    /// <returns>false if a dump was interrupted by a change.</returns>
    private bool Execute(ReadOnlySpan<byte> request, string call, string name, MessageHandler? handler, bool isIPv6Address = false)
    {
        ObjectDisposedException.ThrowIf(_socket.IsClosed, this);
        Send(request, call, name);
        bool consistent = true;
        while (true)
        {
            ReadOnlySpan<byte> rest = Receive(call, name);
            while (rest.Length >= Rtnetlink.MessageHeaderLength)
            {
                int length = MemoryMarshal.Read<int>(rest);
                if (length < Rtnetlink.MessageHeaderLength || length > rest.Length)
                {
                    throw new LinuxException(Errno.EMSGSIZE, call, name, "the kernel's answer is cut off");
                }

                ushort type = MemoryMarshal.Read<ushort>(rest[4..]);
                ushort flags = MemoryMarshal.Read<ushort>(rest[6..]);
                uint sequence = MemoryMarshal.Read<uint>(rest[8..]);
                ReadOnlySpan<byte> body = rest[Rtnetlink.MessageHeaderLength..length];
                rest = rest[Math.Min(Rtnetlink.Align(length), rest.Length)..];
                if (sequence != _sequence)
                {
                    // Left over from a request that was given up.
                    continue;
                }

                consistent &= (flags & Rtnetlink.NLM_F_DUMP_INTR) == 0;
                switch (type)
                {
                    case Rtnetlink.NLMSG_ERROR:
                    case Rtnetlink.NLMSG_DONE:
                        ThrowIfRefused(type, flags, body, call, name, isIPv6Address);
                        return consistent;
                    case Rtnetlink.NLMSG_OVERRUN:
                        throw new LinuxException(Errno.ENOBUFS, call, name, "the kernel lost a part of its answer");
                    default:
                        handler?.Invoke(type, body);
                        if ((flags & Rtnetlink.NLM_F_MULTI) == 0 && handler is not null)
                        {
                            return consistent;
                        }

                        break;
                }
            }
        }
    }

    private static void ThrowIfRefused(ushort type, ushort flags, ReadOnlySpan<byte> body, string call, string name, bool isIPv6Address)
    {
        int error = body.Length >= sizeof(int) ? -MemoryMarshal.Read<int>(body) : 0;
        if (error <= 0)
        {
            // An acknowledgement is an error of 0; the end of a dump may carry a count.
            return;
        }

        string? explanation = null;
        if ((flags & Rtnetlink.NLM_F_ACK_TLVS) != 0)
        {
            // Behind the number stands the request's header and, unless capped, all of the request; only then the explanation.
            int skip = sizeof(int);
            if (type == Rtnetlink.NLMSG_ERROR)
            {
                skip += (flags & Rtnetlink.NLM_F_CAPPED) != 0 || body.Length < sizeof(int) + Rtnetlink.MessageHeaderLength
                    ? Rtnetlink.MessageHeaderLength
                    : Rtnetlink.Align(MemoryMarshal.Read<int>(body[sizeof(int)..]));
            }

            NetlinkAttributes attributes = new(skip >= 0 && skip <= body.Length ? body[skip..] : []);
            while (attributes.MoveNext())
            {
                explanation = attributes.Type == Rtnetlink.NLMSGERR_ATTR_MSG ? Encoding.UTF8.GetString(attributes.Value).TrimEnd('\0') : explanation;
            }
        }

        throw Refused((Errno)error, call, name, explanation, isIPv6Address);
    }

    private unsafe void Send(ReadOnlySpan<byte> request, string call, string name)
    {
        fixed (byte* start = request)
        {
            while (NetlinkCalls.send(_socket.Value, start, (nuint)request.Length, 0) < 0)
            {
                Errno error = Libc.LastError;
                if (error != Errno.EINTR)
                {
                    throw new LinuxException(error, call, name);
                }
            }
        }
    }

    private unsafe ReadOnlySpan<byte> Receive(string call, string name)
    {
        fixed (byte* start = _buffer)
        {
            while (true)
            {
                // With MSG_TRUNC the kernel returns the whole length even if it does not fit.
                nint length = NetlinkCalls.recv(_socket.Value, start, ReceiveLength, NetlinkCalls.MSG_TRUNC);
                if (length >= 0)
                {
                    return length <= ReceiveLength
                        ? _buffer.AsSpan(0, (int)length)
                        : throw new LinuxException(Errno.EMSGSIZE, call, name, $"the kernel's answer has {length} bytes, {ReceiveLength} were expected at most");
                }

                Errno error = Libc.LastError;
                if (error != Errno.EINTR)
                {
                    throw error == Errno.EAGAIN
                        ? new LinuxException(Errno.ETIMEDOUT, call, name, $"the kernel did not answer within {TimeoutSeconds} s")
                        : new LinuxException(error, call, name);
                }
            }
        }
    }
}
