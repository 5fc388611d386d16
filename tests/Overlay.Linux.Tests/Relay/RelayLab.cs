using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Overlay.Testing;
using Overlay.Testing.Relay;

namespace Overlay.Linux.Tests.Relay;

/// <summary>Two hosts with a relay between them: plain kernels, whose programs say what the relay did.</summary>
internal sealed partial class RelayLab : IDisposable
{
    public const string NearIPv4 = "198.51.100.1";
    public const string FarIPv4 = "198.51.100.2";
    public const string NearIPv6 = "2001:db8:1::1";
    public const string FarIPv6 = "2001:db8:1::2";
    public const string NearDevice = "near0";
    public const string FarDevice = "far0";

    private const int SolSocket = 1;
    private const int NoCheck = 11;

    public RelayLab(ulong seed = 1)
    {
        Near = Netns.Create("ovrelay");
        try
        {
            Far = Netns.Create("ovrelay");
            Relay = ImpairmentRelay.Connect(Near, NearDevice, $"{NearIPv4}/24", Far, FarDevice, $"{FarIPv4}/24", seed: seed);
            Near.Configure(NearDevice, $"{NearIPv6}/64");
            Far.Configure(FarDevice, $"{FarIPv6}/64");
            // Neighbours are known, so that no test meets their questions.
            Ping.Run(Near, FarIPv4, 1, "-W", "5");
            Ping.Run(Near, FarIPv6, 1, "-W", "5");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Netns Near { get; }

    public Netns Far { get; } = null!;

    public ImpairmentRelay Relay { get; } = null!;

    public static string FarAddress(bool ipv6) => ipv6 ? FarIPv6 : FarIPv4;

    /// <summary>A UDP socket at the far end.</summary>
    public Socket FarSocket(int port, bool ipv6 = false) => Open(Far, FarAddress(ipv6), port);

    /// <summary>A UDP socket at the near end.</summary>
    /// <param name="checksum">Whether its datagrams have one.</param>
    /// <param name="ipv6">Of which version.</param>
    public Socket NearSocket(bool checksum = true, bool ipv6 = false)
    {
        Socket socket = Open(Near, ipv6 ? NearIPv6 : NearIPv4, 0);
        if (!checksum)
        {
            socket.SetRawSocketOption(SolSocket, NoCheck, BitConverter.GetBytes(1));
        }

        return socket;
    }

    /// <summary>The first bytes of the datagrams that come within a time, in order.</summary>
    public static int[] Take(Socket socket, int expected)
    {
        List<int> taken = [];
        byte[] buffer = new byte[ushort.MaxValue];
        // What is not expected must not come; what is may take its time.
        while (socket.Poll(taken.Count < expected ? TimeSpan.FromSeconds(5) : TimeSpan.FromMilliseconds(100), SelectMode.SelectRead))
        {
            socket.Receive(buffer);
            taken.Add(buffer[0]);
        }

        return [.. taken];
    }

    /// <summary>What the kernel of the near end believes of the way to an address.</summary>
    public int? LearnedMtu(string address)
    {
        Match match = Mtu().Match(Near.Ip("route", "get", address).Output);
        return match.Success ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : null;
    }

    public void Dispose()
    {
        Relay?.Dispose();
        Far?.Dispose();
        Near.Dispose();
    }

    private static Socket Open(Netns netns, string address, int port)
    {
        var local = IPAddress.Parse(address);
        Socket socket = netns.Run(() => new Socket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new IPEndPoint(local, port));
        return socket;
    }

    [GeneratedRegex(@" mtu (\d+)")]
    private static partial Regex Mtu();
}
