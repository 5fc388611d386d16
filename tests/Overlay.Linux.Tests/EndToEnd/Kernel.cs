using System.Globalization;
using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>What the kernel of a namespace says about itself.</summary>
internal static class Kernel
{
    /// <summary>The local ports of the UDP sockets that are bound to one address or to all.</summary>
    public static IReadOnlyList<int> UdpPorts(Netns netns, bool ipv6 = false) => [.. Sockets(netns, ipv6).Select(socket => socket.Port)];

    /// <summary>Bytes in the receive queue of the UDP sockets of a port.</summary>
    public static long UdpQueue(Netns netns, int port) => Sockets(netns, ipv6: false).Where(socket => socket.Port == port).Sum(socket => socket.Queue);

    /// <summary>Packets received by a device.</summary>
    public static long ReceivedPackets(Netns netns, string device)
    {
        string[] lines = netns.Run(() => File.ReadAllLines("/proc/thread-self/net/dev"));
        string line = lines.First(line => line.TrimStart().StartsWith(device + ":", StringComparison.Ordinal));
        string[] columns = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return long.Parse(columns[1], CultureInfo.InvariantCulture);
    }

    private static IEnumerable<(int Port, long Queue)> Sockets(Netns netns, bool ipv6)
    {
        string[] lines = netns.Run(() => File.ReadAllLines(ipv6 ? "/proc/thread-self/net/udp6" : "/proc/thread-self/net/udp"));
        foreach (string line in lines.Skip(1))
        {
            // sl, local address:port, remote address:port, state, transmit queue:receive queue …; all hexadecimal.
            string[] columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            yield return (Hex(columns[1]), Hex(columns[4]));
        }

        static int Hex(string column) =>
            int.Parse(column.AsSpan(column.IndexOf(':', StringComparison.Ordinal) + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
