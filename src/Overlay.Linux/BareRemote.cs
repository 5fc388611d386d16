using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>A remote of an endpoint without UDP, for packets that bring their own tunnel header along: only the outer IP header is written.</summary>
/// <param name="local">The source.</param>
/// <param name="key">The destination, of the same family, and the protocol.</param>
/// <param name="scope">The interface of a link-local destination; 0 for none.</param>
internal sealed class BareRemote(ValueIPAddress local, RawRemoteKey key, uint scope) : RawRemote(key, scope)
{
    /// <inheritdoc/>
    public override DropReason Check(ReadOnlySpan<byte> packet) => packet.IsEmpty ? DropReason.Truncated : DropReason.None;

    /// <inheritdoc/>
    public override int Overhead(in PacketMeta meta) => local.IsIPv4 ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength;

    /// <inheritdoc/>
    public override void WriteOuter(Span<byte> outer, int payloadLength, in OuterHeaderFields fields, in PacketMeta meta)
    {
        if (local.IsIPv4)
        {
            _ = new IPv4Header(local, Key.Address, Key.Protocol)
            {
                PayloadLength = (ushort)payloadLength,
                TrafficClass = fields.TrafficClass,
                Flags = fields.DontFragment ? IPv4Flags.DontFragment : IPv4Flags.None,
                TimeToLive = fields.Ttl,
            }.TryWrite(outer, out _);
        }
        else
        {
            _ = new IPv6Header(local, Key.Address, Key.Protocol)
            {
                PayloadLength = (ushort)payloadLength,
                TrafficClass = fields.TrafficClass,
                FlowLabel = fields.FlowLabel,
                HopLimit = fields.Ttl,
            }.TryWrite(outer, out _);
        }
    }
}
