using Overlay.DataPath;

namespace Overlay.Capture;

/// <summary>
/// A path that can be watched while it works: <see cref="PathTrace"/> begins and ends at any time. Without one it costs a branch per batch, before and after.
/// </summary>
public sealed class TracedPath : IPacketPath
{
    private readonly IPacketPath _path;
    private readonly Lock _gate = new();
    private volatile PathTraceLane[] _lanes = [];
    // Of the batch between Process and Complete; the worker's.
    private PathTraceLane[] _current = [];

    /// <summary>Stands in front of a path.</summary>
    public TracedPath(IPacketPath path)
    {
        ArgumentNullException.ThrowIfNull(path);
        _path = path;
    }

    /// <inheritdoc/>
    public void Process(PacketBatch batch, long now)
    {
        PathTraceLane[] lanes = _lanes;
        if (lanes.Length > 0)
        {
            _current = lanes;
            foreach (PathTraceLane lane in lanes)
            {
                lane.Stage(batch);
            }
        }

        _path.Process(batch, now);
    }

    /// <inheritdoc/>
    public void Complete(PacketBatch batch)
    {
        if (_current.Length > 0)
        {
            foreach (PathTraceLane lane in _current)
            {
                lane.Record(batch);
            }

            _current = [];
        }

        _path.Complete(batch);
    }

    /// <summary>Begins to note packets. Any thread.</summary>
    internal void Add(PathTraceLane lane)
    {
        lock (_gate)
        {
            _lanes = [.. _lanes, lane];
        }
    }

    /// <summary>Ends it. A batch that is in hand may still be noted. Any thread.</summary>
    internal void Remove(PathTraceLane lane)
    {
        lock (_gate)
        {
            _lanes = [.. _lanes.Where(other => other != lane)];
        }
    }
}
