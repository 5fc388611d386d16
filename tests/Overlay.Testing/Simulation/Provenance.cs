using Overlay.DataPath;

namespace Overlay.Testing.Simulation;

/// <summary>
/// Which frame or packet each descriptor of a worker's batch is: known by whose bytes it has, not by what they say, so that forged, broken and equal
/// packets are told apart as well.
/// </summary>
internal sealed class Provenance
{
    private readonly List<(SimulatedFrame? Frame, WirePacket? Packet)> _origins = [];

    public void Clear() => _origins.Clear();

    public void Add(int index, SimulatedFrame? frame, WirePacket? packet)
    {
        while (_origins.Count <= index)
        {
            _origins.Add(default);
        }

        _origins[index] = (frame, packet);
    }

    /// <summary>Finds out what the descriptors are that a path has added: copies have the bytes of what they are copies of.</summary>
    public void Extend(PacketBatch batch)
    {
        for (int i = _origins.Count; i < batch.Count; i++)
        {
            (SimulatedFrame?, WirePacket?) origin = default;
            for (int j = 0; j < i && batch.Meta(i).Origin == PacketOrigin.Replicated; j++)
            {
                if (((ReadOnlySpan<byte>)batch.Data(i)).Overlaps(batch.Data(j)))
                {
                    origin = _origins[j];
                    break;
                }
            }

            _origins.Add(origin);
        }
    }

    /// <summary>The frame; of a packet from the wire, the one that it carries.</summary>
    public SimulatedFrame? Frame(int index) => index < _origins.Count ? _origins[index].Frame ?? _origins[index].Packet?.Frame : null;

    public WirePacket? Packet(int index) => index < _origins.Count ? _origins[index].Packet : null;
}
