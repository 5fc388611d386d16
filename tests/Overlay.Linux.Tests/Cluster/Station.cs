using System.Buffers.Binary;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.Cluster;

/// <summary>Somebody on an overlay network who sends frames that say which they are, and remembers each that comes in. What it hears is read when it is asked.</summary>
internal sealed class Station : IDisposable
{
    // IEEE 802 local experimental: no kernel answers it. Its payload is a run and a number within it, and what makes the frame long enough.
    private const EtherType Experimental = (EtherType)0x88B5;
    private const int HeaderLength = 14;
    private const int PayloadLength = 46;

    private readonly FrameSocket _socket;
    private readonly Dictionary<int, List<int>> _heard = [];

    /// <summary>Listens to a device from now on.</summary>
    /// <param name="name">For messages.</param>
    /// <param name="netns">Where the device is.</param>
    /// <param name="device">The device.</param>
    /// <param name="mac">The source of what is sent, unless told otherwise.</param>
    public Station(string name, Netns netns, string device, MacAddress mac)
    {
        Name = name;
        Netns = netns;
        Mac = mac;
        _socket = new FrameSocket(netns, device);
    }

    /// <summary>For messages.</summary>
    public string Name { get; }

    /// <summary>Where it is.</summary>
    public Netns Netns { get; }

    /// <summary>Its own MAC address.</summary>
    public MacAddress Mac { get; }

    /// <summary>How many frames it has sent.</summary>
    public int Sent { get; private set; }

    /// <summary>Sends frames 0 to <paramref name="count"/> − 1 of a run.</summary>
    public void Send(int run, int count, MacAddress destination, MacAddress? source = null)
    {
        foreach (byte[] frame in Frames(run, count, destination, source ?? Mac))
        {
            Assert.Equal(Errno.None, _socket.Send(frame));
        }

        Sent += count;
    }

    /// <summary>What a station sends.</summary>
    public static IEnumerable<byte[]> Frames(int run, int count, MacAddress destination, MacAddress source)
    {
        for (int number = 0; number < count; number++)
        {
            byte[] payload = new byte[PayloadLength];
            BinaryPrimitives.WriteInt32BigEndian(payload, run);
            BinaryPrimitives.WriteInt32BigEndian(payload.AsSpan(4), number);
            yield return PacketBuilder.Ethernet(destination, source, Experimental, payload);
        }
    }

    /// <summary>The numbers of the frames of a run that have come in so far, in the order in which they came.</summary>
    public IReadOnlyList<int> Heard(int run)
    {
        while (_socket.Receive(timeoutMilliseconds: 0) is { } frame)
        {
            if (frame.Length >= HeaderLength + PayloadLength && BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(HeaderLength - 2)) == (ushort)Experimental)
            {
                Of(BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(HeaderLength))).Add(BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(HeaderLength + 4)));
            }
        }

        return Of(run);
    }

    public void Dispose() => _socket.Dispose();

    private List<int> Of(int run)
    {
        if (!_heard.TryGetValue(run, out List<int>? numbers))
        {
            _heard.Add(run, numbers = []);
        }

        return numbers;
    }
}
