using System.Diagnostics;
using System.Globalization;
using Overlay.Forwarding.Subjects;
using Overlay.Testing;

namespace Overlay.Forwarding.Measurement;

/// <summary>Runs iperf3 between two hosts, its server for one run only.</summary>
internal static class Iperf3
{
    /// <summary>The payload of a UDP datagram that makes an Ethernet frame of 64 bytes: less 14 of Ethernet, 20 of IPv4 and 8 of UDP.</summary>
    public const int SmallPayload = 22;

    private const string Program = "iperf3";
    private const string ListeningState = "0A";

    // "local_address" of /proc/net/tcp ends so: port 5201.
    private const string ServerPort = ":1451";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);

    /// <summary>TCP from one host to the other.</summary>
    /// <param name="sender">The client.</param>
    /// <param name="receiver">The server.</param>
    /// <param name="seconds">For how long.</param>
    /// <param name="streams">How many connections.</param>
    /// <param name="launcher">What stands before the program on both command lines, such as <c>taskset -c 1</c>; may be empty.</param>
    /// <exception cref="InvalidDataException">iperf3 reports an error.</exception>
    /// <exception cref="TimeoutException">It came to a standstill.</exception>
    public static TcpResult RunTcp(Host sender, Host receiver, int seconds, int streams, IReadOnlyList<string> launcher) =>
        Iperf3Json.ReadTcp(Run(sender, receiver, seconds, ["-P", Text(streams)], launcher).Client);

    /// <summary>Datagrams of <see cref="SmallPayload"/> bytes.</summary>
    /// <param name="sender">The client.</param>
    /// <param name="receiver">The server.</param>
    /// <param name="seconds">For how long.</param>
    /// <param name="flows">From how many ports.</param>
    /// <param name="packetsPerSecond">How many each flow is to send; 0 for as many as the client can.</param>
    /// <param name="launcher">What stands before the program on both command lines; may be empty.</param>
    /// <exception cref="InvalidDataException">iperf3 reports an error.</exception>
    /// <exception cref="TimeoutException">It came to a standstill.</exception>
    public static UdpResult RunUdp(Host sender, Host receiver, int seconds, int flows, long packetsPerSecond, IReadOnlyList<string> launcher)
    {
        string bitsPerSecond = (packetsPerSecond * SmallPayload * 8).ToString(CultureInfo.InvariantCulture);
        return Iperf3Json.ReadUdpServer(Run(sender, receiver, seconds, ["-u", "-P", Text(flows), "-b", bitsPerSecond, "-l", Text(SmallPayload)], launcher).Server);
    }

    private static (string Client, string Server) Run(Host sender, Host receiver, int seconds, string[] options, IReadOnlyList<string> launcher)
    {
        // -1: the server ends after one run, and with -J says then what it received.
        using Process server = Start(receiver.Netns, launcher, "-s", "-1", "-J", "-B", receiver.Inner);
        try
        {
            Task<string> report = server.StandardOutput.ReadToEndAsync();
            WaitUntilListening(receiver.Netns, server);
            string[] client = [.. launcher, Program, "-c", receiver.Inner, "-t", Text(seconds), "-J", "--connect-timeout", "2000", .. options];
            CommandResult result = sender.Netns.TryExec(TimeSpan.FromSeconds(seconds) + Patience, client[0], client[1..]);
            // iperf3 ends with 0 after some of its errors, too.
            Iperf3Json.ThrowIfError(result.Output);
            if (result.ExitCode != 0)
            {
                throw new InvalidDataException($"{Program} ended with {result.ExitCode}: {result.Error.Trim()}");
            }

            return server.WaitForExit(Patience) && report.Wait(Patience)
                ? (result.Output, report.Result)
                : throw new TimeoutException($"The server of {Program} does not end.");
        }
        finally
        {
            if (!server.HasExited)
            {
                server.Kill();
                server.WaitForExit();
            }
        }
    }

    private static Process Start(Netns netns, IReadOnlyList<string> launcher, params string[] arguments)
    {
        string[] command = [.. launcher, Program, .. arguments];
        return netns.Start(command[0], command[1..]);
    }

    private static void WaitUntilListening(Netns netns, Process server)
    {
        long start = Stopwatch.GetTimestamp();
        while (!netns.Run(() => File.ReadAllLines("/proc/thread-self/net/tcp")).Any(IsListening))
        {
            if (server.HasExited || Stopwatch.GetElapsedTime(start) > Patience)
            {
                throw new TimeoutException($"The server of {Program} does not listen.");
            }

            Thread.Sleep(PollInterval);
        }

        static bool IsListening(string line) =>
            line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is [_, var local, _, ListeningState, ..] && local.EndsWith(ServerPort, StringComparison.Ordinal);
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
