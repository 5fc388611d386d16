using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// The tunnel encapsulation limit at the entry of a tunnel over IPv6 (RFC 2473 §4.1.1): a packet with a limit gets one less, one without gets that of
/// the policy, and one that may enter no tunnel is refused, which its source is told.
/// </summary>
/// <remarks>
/// The message comes from this end's underlay address: the node's own, and the one that says which tunnel it was. No more than ten of them leave in a
/// second (RFC 4443 §2.4 f).
/// </remarks>
internal sealed class EncapsulationLimit
{
    // RFC 4443 §2.4 c: as much of the packet as fits into the smallest MTU.
    private const int MinimumMtu = 1280;
    private const int MaxQuote = MinimumMtu - IPv6Packet.HeaderLength - IcmpV6Packet.HeaderLength;

    private const int MaxMessages = 10;
    private const int Period = 1000;

    private readonly byte? _configured;
    private readonly ValueIPAddress _local;
    private readonly int _device;
    private long _since = long.MinValue / 2;
    private int _messages;

    /// <summary>Takes the tunnel's policy.</summary>
    /// <param name="options">The tunnel.</param>
    /// <param name="device">The output for messages to the source.</param>
    public EncapsulationLimit(TunnelOptions options, int device)
    {
        _configured = options.Policy.EncapsulationLimit;
        _local = options.Local;
        _device = device;
    }

    /// <summary>Sets the limit that a packet is to get.</summary>
    /// <param name="batch">The batch, to which a message to the source may be added.</param>
    /// <param name="index">An IPv4 or IPv6 packet.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <returns>false if the packet may enter no tunnel.</returns>
    public bool TryPass(PacketBatch batch, int index, long now)
    {
        byte? limit = _configured;
        if (IPv6Packet.TryParse(batch.Data(index), out IPv6Packet packet) && packet.TryGetEncapsulationLimit(out byte carried, out int offset))
        {
            if (carried == 0)
            {
                Report(batch, packet, offset, now);
                return false;
            }

            limit = (byte)(carried - 1);
        }

        batch.Meta(index).EncapsulationLimit = limit;
        return true;
    }

    // An ICMP parameter problem with code 0, whose pointer points to the third octet of the option: the limit (RFC 2473 §4.1.1 b).
    private void Report(PacketBatch batch, IPv6Packet packet, int offset, long now)
    {
        int quote = Math.Min(packet.Bytes.Length, MaxQuote);
        int length = IcmpV6Packet.HeaderLength + quote;
        if (!MayBeToldOf(packet) || !TakeMessage(now) || !batch.TryReserve(IPv6Packet.HeaderLength + length, out Span<byte> answer))
        {
            return;
        }

        IPv6Header header = new(_local, packet.Source, IPProtocol.IcmpV6) { PayloadLength = (ushort)length };
        _ = header.TryWrite(answer, out int written);
        IcmpV6Header message = new(IcmpV6Type.ParameterProblem, 0, (uint)offset);
        _ = message.TryWriteMessage(answer[written..], _local, packet.Source, packet.Bytes[..quote], out _);
        ref PacketMeta meta = ref batch.Meta(batch.Commit(IPv6Packet.HeaderLength + length));
        meta.Origin = PacketOrigin.Originated;
        meta.Output = _device;
    }

    // RFC 4443 §2.4 e: no message about a message, nor to or about many.
    private static bool MayBeToldOf(IPv6Packet packet) =>
        !packet.Source.IsUnspecified && !packet.Source.IsMulticast && !packet.Destination.IsMulticast &&
        !(packet.TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport) && protocol == IPProtocol.IcmpV6 &&
            (!IcmpV6Packet.TryParse(transport, out IcmpV6Packet inner) || inner.IsError || inner.Type == IcmpV6Type.Redirect));

    private bool TakeMessage(long now)
    {
        if (now - _since >= Period)
        {
            _since = now;
            _messages = 0;
        }

        return _messages++ < MaxMessages;
    }
}
