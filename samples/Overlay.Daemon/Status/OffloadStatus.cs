using System.Text.Json.Serialization;
using Overlay.Linux;

namespace Overlay.Daemon.Status;

/// <summary>The offloads of a tunnel, by the names of the configuration.</summary>
internal sealed record OffloadStatus
{
    /// <summary>TCP superpackets between device and kernel.</summary>
    public OffloadUse Tso { get; init; } = OffloadUse.None;

    /// <summary>UDP superpackets between device and kernel.</summary>
    public OffloadUse Uso { get; init; } = OffloadUse.None;

    /// <summary>Trains taken from the sockets, and packets joined for the device.</summary>
    public OffloadUse Gro { get; init; } = OffloadUse.None;

    /// <summary>Trains given to the sockets.</summary>
    public OffloadUse Gso { get; init; } = OffloadUse.None;

    /// <summary>Superpackets given to the underlay whole.</summary>
    public OffloadUse TunnelGso { get; init; } = OffloadUse.None;
}

/// <summary>What became of one offload.</summary>
internal sealed record OffloadUse
{
    /// <summary>Neither asked for nor in use.</summary>
    public static OffloadUse None { get; } = new();

    /// <summary>Whether the configuration asks for it, and this kind of tunnel has it.</summary>
    public bool Asked { get; init; }

    /// <summary>Whether it is in use now.</summary>
    public bool Active { get; init; }

    /// <summary>Why it is not in use, or not wholly; absent if there is nothing to say.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }

    /// <summary>How often the kernel refused a train or superpacket that then went in pieces.</summary>
    public long Fallbacks { get; init; }

    /// <summary>What a port says of an offload.</summary>
    public static OffloadUse From(OffloadState state, long fallbacks = 0) =>
        new() { Asked = state != OffloadState.NotAsked, Active = state.IsActive, Reason = state.Reason, Fallbacks = fallbacks };

    /// <summary>What the ports of several workers say: in use if it is everywhere, else the reason of the first that does without.</summary>
    public static OffloadUse FromAll(IEnumerable<(OffloadState State, long Fallbacks)> ports)
    {
        (OffloadState State, long Fallbacks)[] all = [.. ports];
        OffloadState state = Array.Find(all, port => !port.State.IsActive).State ?? all[0].State;
        return From(state, all.Sum(port => port.Fallbacks));
    }

    /// <summary>What this kind of tunnel does not have.</summary>
    public static OffloadUse Absent(bool configured, string reason) => new() { Reason = configured ? reason : OffloadState.NotAsked.Reason };
}
