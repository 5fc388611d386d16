using Overlay.DataPath;

namespace Overlay.Linux;

/// <summary>Where superpackets go that stay whole.</summary>
internal interface ISuperpacketOutput
{
    /// <summary>Sends one superpacket; it ends as sent or dropped.</summary>
    /// <returns>false if no more is taken now; the descriptor is then still pending.</returns>
    bool Send(PacketBatch batch, int index, in TrainKey key);
}
