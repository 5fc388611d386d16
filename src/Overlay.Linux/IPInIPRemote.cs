using Overlay.DataPath;
using Overlay.Encapsulation;

namespace Overlay.Linux;

/// <summary>A remote of an IP-in-IP endpoint.</summary>
/// <param name="local">The source.</param>
/// <param name="key">The destination, of the same family.</param>
/// <param name="scope">The interface of a link-local destination; 0 for none.</param>
internal sealed class IPInIPRemote(ValueIPAddress local, RawRemoteKey key, uint scope) : RawRemote(key, scope)
{
    private readonly IPInIPEncapsulator _encapsulator = new(local, key.Address);

    /// <inheritdoc/>
    public override DropReason Check(ReadOnlySpan<byte> packet) => !packet.IsEmpty && (packet[0] >> 4) is 4 or 6 ? DropReason.None : DropReason.NotIP;

    /// <inheritdoc/>
    public override int Overhead(in PacketMeta meta) =>
        meta.EncapsulationLimit is null ? _encapsulator.Overhead : _encapsulator.Overhead + IPInIPEncapsulator.EncapsulationLimitLength;

    /// <inheritdoc/>
    public override void WriteOuter(Span<byte> outer, int payloadLength, in OuterHeaderFields fields, in PacketMeta meta) =>
        _encapsulator.WriteOuter(outer, payloadLength, fields, meta.EncapsulationLimit);
}
