namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>What the ends of a tunnel do in tests, in Python, so that it is the same inside a user-mode Linux and in a namespace.</summary>
internal static class PeerScripts
{
    /// <summary>
    /// A TCP connection over which both ends send: <c>serve|connect LOCAL PEER PORT BYTES SEED</c>. Each prints <c>SENT-SHA256 RECEIVED-BYTES
    /// RECEIVED-SHA256</c>. The client waits for a server that is late.
    /// </summary>
    public const string Transfer = """
        import hashlib, random, socket, sys, threading, time
        role, local, peer, port, count, seed = sys.argv[1:4] + [int(value) for value in sys.argv[4:7]]
        family = socket.AF_INET6 if ':' in local else socket.AF_INET
        if role == 'serve':
            with socket.create_server((local, port), family=family) as server:
                server.settimeout(20)
                connection = server.accept()[0]
        else:
            for attempt in range(100):
                try:
                    connection = socket.create_connection((peer, port), 10, (local, 0))
                    break
                except ConnectionRefusedError:
                    time.sleep(0.1)
        connection.settimeout(30)
        block = random.Random(seed).randbytes(1 << 16)
        sent = hashlib.sha256()
        def send():
            left = count
            while left:
                part = block[:left]
                connection.sendall(part)
                sent.update(part)
                left -= len(part)
            connection.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        received, length = hashlib.sha256(), 0
        while part := connection.recv(1 << 18):
            received.update(part)
            length += len(part)
        sender.join()
        print(sent.hexdigest(), length, received.hexdigest())
        """;

    /// <summary>
    /// A UDP server on all addresses: <c>PORT</c>. A request says in text which traffic class the reply shall have and how long it shall be; the
    /// reply, with DF clear, says which traffic class, TTL and length the request came with.
    /// </summary>
    public const string EchoServer = """
        import socket, sys, threading
        IP_MTU_DISCOVER, DONT, IP_RECVTTL = 10, 0, 12
        def serve(family, level, receive, tos, ttl):
            server = socket.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET6:
                server.setsockopt(level, socket.IPV6_V6ONLY, 1)
            else:
                server.setsockopt(level, IP_MTU_DISCOVER, DONT)
            for option in receive:
                server.setsockopt(level, option, 1)
            server.bind(('', int(sys.argv[1])))
            while True:
                data, ancillary, flags, peer = server.recvmsg(65535, 256)
                got = {kind: value[0] for unused, kind, value in ancillary}
                reply, length = [int(word) for word in data.split()[:2]]
                server.setsockopt(level, tos, reply)
                server.sendto(f'{got[tos]} {got[ttl]} {len(data)} '.encode().ljust(length, b'.'), peer)
        threading.Thread(target=serve, args=(socket.AF_INET6, socket.IPPROTO_IPV6, (socket.IPV6_RECVTCLASS, socket.IPV6_RECVHOPLIMIT),
            socket.IPV6_TCLASS, socket.IPV6_HOPLIMIT)).start()
        serve(socket.AF_INET, socket.IPPROTO_IP, (socket.IP_RECVTOS, IP_RECVTTL), socket.IP_TOS, socket.IP_TTL)
        """;

    /// <summary>
    /// A client of <see cref="EchoServer"/>: <c>LOCAL PEER PORT REQUEST…</c>, a request being <c>CLASS,DF,LENGTH,REPLYCLASS,REPLYLENGTH</c> (DF 0
    /// or 1, IPv4 only). For each it prints <c>CLASS TTL LENGTH</c> as the server saw them, and <c>CLASS TTL LENGTH</c> of the reply.
    /// </summary>
    public const string EchoClient = """
        import socket, sys
        IP_MTU_DISCOVER, DONT, DO, IP_RECVTTL = 10, 0, 2, 12
        local, peer, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
        ipv6 = ':' in local
        level = socket.IPPROTO_IPV6 if ipv6 else socket.IPPROTO_IP
        client = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        client.bind((local, 0))
        client.connect((peer, port))
        client.settimeout(20)
        for option in (socket.IPV6_RECVTCLASS, socket.IPV6_RECVHOPLIMIT) if ipv6 else (socket.IP_RECVTOS, IP_RECVTTL):
            client.setsockopt(level, option, 1)
        for request in sys.argv[4:]:
            tclass, df, length, reply, reply_length = [int(word) for word in request.split(',')]
            client.setsockopt(level, socket.IPV6_TCLASS if ipv6 else socket.IP_TOS, tclass)
            if not ipv6:
                client.setsockopt(level, IP_MTU_DISCOVER, DO if df else DONT)
            client.send(f'{reply} {reply_length} '.encode().ljust(length, b'.'))
            data, ancillary, flags, address = client.recvmsg(65535, 256)
            got = {kind: value[0] for unused, kind, value in ancillary}
            seen = (got[socket.IPV6_TCLASS], got[socket.IPV6_HOPLIMIT]) if ipv6 else (got[socket.IP_TOS], got[socket.IP_TTL])
            print(*[int(word) for word in data.split()[:3]], *seen, len(data))
        """;
}
