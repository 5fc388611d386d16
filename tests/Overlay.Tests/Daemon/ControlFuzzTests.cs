using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>Clients that send anything at all: the daemon answers or closes, logs no failure of its own, and its tables stay what they are.</summary>
public sealed class ControlFuzzTests
{
    private static readonly string[] Seeds =
    [
        """{"command":"show-fdb","protocol":2,"arguments":{"limit":3}}""",
        """{"command":"show-vnis","protocol":2,"arguments":{}}""",
        """{"command":"fdb-add","protocol":2,"arguments":{"tunnel":"tun","mac":"02:00:00:00:00:05","remote":"192.0.2.3","port":9}}""",
        """{"command":"fdb-del","protocol":2,"arguments":{"tunnel":"tap","mac":"02:00:00:00:00:02"}}""",
        """{"command":"fdb-replace","protocol":2,"arguments":{"tunnel":"tun","rows":"[{\"mac\":\"02:00:00:00:00:05\",\"remote\":\"192.0.2.3\"}]","line":1},"more":true}""",
        """{"command":"route-add","protocol":2,"arguments":{"tunnel":"tap","prefix":"10.2.0.0/16","remote":"192.0.2.3"}}""",
        """{"command":"neighbor-add","protocol":2,"arguments":{"tunnel":"tun","ip":"10.0.0.9","mac":"02:00:00:00:00:05"}}""",
        """{"command":"flood-del","protocol":2,"arguments":{"tunnel":"tap","remote":"192.0.2.2"}}""",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Mutated_and_random_frames_hurt_nobody(int seed)
    {
        await using TableLab lab = new();
        string before = lab.Everything();
        Random random = new(seed);
        int answers = 0;
        for (int round = 0; round < 400; round++)
        {
            using Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
            client.Connect(new UnixDomainSocketEndPoint(lab.Socket));
            // Before anything is sent: once the daemon has closed, no stream can be made of the socket.
            using NetworkStream stream = new(client);
            client.Send([.. Enumerable.Range(0, random.Next(1, 4)).SelectMany(_ => Frame(random))]);
            client.Shutdown(SocketShutdown.Send);
            answers += ReadAnswers(stream);
        }

        Assert.InRange(answers, 200, 2_000);
        Assert.Empty(lab.Log);
        Assert.Equal(before, lab.Everything());
        Assert.Equal(4, (await lab.ShowAsync("vnis")).Length);
    }

    // No seed is a change that would be made, and a mutation does not turn one into another tunnel's, so that the tables must stay as they are.
    private static byte[] Frame(Random random)
    {
        byte[] payload = Encoding.UTF8.GetBytes(Seeds[random.Next(Seeds.Length)]);
        int length = payload.Length;
        switch (random.Next(6))
        {
            case 0:
                random.NextBytes(payload);
                break;
            case 1:
                payload[random.Next(payload.Length)] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                payload = payload[..random.Next(payload.Length)];
                length = payload.Length;
                break;
            case 3:
                length = random.Next(2) == 0 ? random.Next() : length + random.Next(1, 100);
                break;
            case 4:
                payload = [.. payload, .. payload];
                length = payload.Length;
                break;
        }

        byte[] frame = new byte[4 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, length);
        payload.CopyTo(frame, 4);
        return frame;
    }

    private static int ReadAnswers(NetworkStream stream)
    {
        byte[] header = new byte[4];
        int count = 0;
        try
        {
            while (stream.ReadAtLeast(header, 4, throwOnEndOfStream: false) == 4)
            {
                byte[] payload = new byte[BinaryPrimitives.ReadInt32BigEndian(header)];
                stream.ReadExactly(payload);
                using var answer = JsonDocument.Parse(payload);
                Assert.True(answer.RootElement.GetProperty("ok").GetBoolean() || answer.RootElement.GetProperty("error").GetString()!.Length > 0);
                count++;
            }
        }
        catch (IOException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
        {
            // Closed over what it had not read: it said before why.
        }

        return count;
    }
}
