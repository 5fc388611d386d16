using Overlay.DataPath;

namespace Overlay.Linux;

/// <summary>
/// How a device fares with superpackets of one kind, TCP or UDP: what was agreed, and when to give them up. Written by the port's thread only.
/// </summary>
internal sealed class SuperpacketUse
{
    // One refusal may be about the packet. So many in a row, each of which passed in pieces, are about the kind.
    private const int Patience = 8;

    private int _refusedInRow;
    private long _fallbacks;

    /// <summary>Whether the kernel takes them, and why not.</summary>
    public OffloadState State { get; private set; } = OffloadState.NotAsked;

    /// <summary>Superpackets that were refused whole and passed in pieces.</summary>
    public long Fallbacks => Volatile.Read(ref _fallbacks);

    /// <summary>Whether they were agreed on, but the kernel refused them when they came: what still comes goes in pieces.</summary>
    public bool IsGivenUp { get; private set; }

    /// <summary>Whether a refusal with this error may be about the form of the packet rather than its content, the link or the device.</summary>
    /// <remarks>EINVAL: the vnet header is not understood. ENOMEM: no piece of memory that large. EMSGSIZE, EOPNOTSUPP: too large, not supported.</remarks>
    public static bool MayBeOfForm(Errno error) => error is Errno.EINVAL or Errno.ENOMEM or Errno.EMSGSIZE or Errno.EOPNOTSUPP;

    /// <summary>Says what was agreed when the device was opened.</summary>
    public void Agree(OffloadState state) => State = state;

    /// <summary>One was taken whole.</summary>
    public void Taken() => _refusedInRow = 0;

    /// <summary>One was refused whole, and at least one of its pieces was taken.</summary>
    /// <returns>Whether the kind was given up by this one.</returns>
    public bool Refused(Errno error)
    {
        Volatile.Write(ref _fallbacks, _fallbacks + 1);
        // A shortage of memory passes.
        if (error == Errno.ENOMEM || ++_refusedInRow < Patience || IsGivenUp)
        {
            return false;
        }

        State = OffloadState.FellBack(error);
        IsGivenUp = true;
        return true;
    }
}
