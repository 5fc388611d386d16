using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>A remote of a GRE endpoint, for the tunnel with one key. Counts the packets that are sent to it.</summary>
internal sealed class GreRemote : RawRemote
{
    private readonly GreEncapsulator _encapsulator;
    private readonly bool _ethernet;
    private uint _sequenceNumber;

    /// <summary>Prepares the headers.</summary>
    /// <param name="local">The source.</param>
    /// <param name="key">The destination, of the same family, and what stands in the GRE header.</param>
    /// <param name="scope">The interface of a link-local destination; 0 for none.</param>
    /// <param name="ethernet">Whether the tunnels carry Ethernet frames.</param>
    public GreRemote(ValueIPAddress local, RawRemoteKey key, uint scope, bool ethernet)
        : base(key, scope)
    {
        _ethernet = ethernet;
        _encapsulator = new GreEncapsulator(local, key.Address, new GreEncapsulatorOptions
        {
            Ethernet = ethernet,
            Key = key.Fields.HasFlag(GreFlags.Key) ? key.GreKey : null,
            Checksum = key.Fields.HasFlag(GreFlags.Checksum),
            SequenceNumbers = key.Fields.HasFlag(GreFlags.SequenceNumber),
        });
    }

    /// <inheritdoc/>
    public override DropReason Check(ReadOnlySpan<byte> packet)
    {
        if (_ethernet)
        {
            return packet.Length < EthernetFrame.MinimumHeaderLength ? DropReason.Truncated : DropReason.None;
        }

        return !packet.IsEmpty && (packet[0] >> 4) is 4 or 6 ? DropReason.None : DropReason.NotIP;
    }

    /// <inheritdoc/>
    public override int Overhead(in PacketMeta meta) => _encapsulator.Overhead;

    /// <inheritdoc/>
    public override void WriteOuter(Span<byte> outer, int payloadLength, in OuterHeaderFields fields, in PacketMeta meta) =>
        _encapsulator.WriteOuter(outer, payloadLength, fields, _sequenceNumber++);
}
