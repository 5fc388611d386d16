using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// Ethernet frames. Nearly every one has no tag, carries IPv4 with TCP or UDP, and goes to one known address: then nothing but the forwarding table
/// decides, and neither tags nor neighbours need a look. All others go through <see cref="DecideFrame"/>, and the tests hold both ways against
/// each other.
/// </summary>
public sealed partial class TunnelEgress
{
    private const int HeadersLength = EthernetFrame.MinimumHeaderLength + IPv4Packet.MinimumHeaderLength;
    private const int TotalLengthOffset = EthernetFrame.MinimumHeaderLength + IPv4Packet.TotalLengthOffset;
    private const int SourceOffset = EthernetFrame.MinimumHeaderLength + IPv4Packet.SourceOffset;

    private void DecideFrames(PacketBatch batch, int received, long now)
    {
        // Those that are decided, not the replicas that are added meanwhile.
        Span<PacketMeta> metas = batch.Metas[..received];
        ReadOnlySpan<PacketBatch.Slot> slots = batch.Slots[..received];
        for (int i = 0; i < metas.Length && i < slots.Length; i++)
        {
            // What is not pending the port has dropped already: it belongs in the books, nowhere else.
            if (metas[i].State == PacketState.Pending && !TryDecidePlainFrame(batch.Data(slots[i]), ref metas[i]))
            {
                Settle(batch, i, DecideFrame(batch, i, now));
            }
        }
    }

    /// <summary>Decides the usual frame to a known address.</summary>
    /// <returns>false if it is another frame: then all that was filled is filled anew.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryDecidePlainFrame(ReadOnlySpan<byte> frame, ref PacketMeta meta)
    {
        if (!TryReadPlainFrame(frame, ref meta, out MacAddress destination) || !_forwarding.TryLookup(_vni, destination, out int index))
        {
            return false;
        }

        ref readonly FdbRemote remote = ref _forwarding.RemoteOf(index);
        meta.DestinationPort = remote.Port;
        Address(ref meta, remote.Address, remote.Vni ?? _vni);
        return true;
    }

    /// <summary>Reads the usual frame and fills the outer fields that do not depend on the remote.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadPlainFrame(ReadOnlySpan<byte> frame, ref PacketMeta meta, out MacAddress destination)
    {
        destination = default;
        if (!FlowHash.TryComputePlain(frame, _flowHashSeed, out uint hash))
        {
            return false;
        }

        ReadOnlySpan<byte> headers = frame[..FlowHash.PlainLength];
        destination = EthernetFrame.ReadDestination(headers);
        uint length = BinaryPrimitives.ReadUInt16BigEndian(headers[TotalLengthOffset..]);
        _outer.ApplyIPv4(ref meta, hash, headers[EthernetFrame.MinimumHeaderLength..]);

        // What comes from the tunnel's own address may be its own outer packet: that is for the other way to tell.
        return !destination.IsMulticast && length - IPv4Packet.MinimumHeaderLength <= (uint)frame.Length - HeadersLength &&
            MemoryMarshal.Read<uint>(headers[SourceOffset..]) != _localIPv4;
    }
}
