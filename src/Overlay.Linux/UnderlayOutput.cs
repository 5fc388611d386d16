using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>Writes frames to an <see cref="UnderlayTap"/>, counts what became of them, and gives the TAP up when it takes no more.</summary>
/// <param name="tap">The TAP.</param>
/// <param name="writer">The call.</param>
internal sealed unsafe class UnderlayOutput(UnderlayTap tap, FrameWriter writer)
{
    // One refusal may be this packet's; so many without a success between them are not.
    private const int MaxRefusalsInRow = 8;

    private int _refusalsInRow;

    /// <summary>Why the TAP is not used any more; null while it is.</summary>
    public string? Failure { get; private set; }

    /// <summary>How many frames the TAP refused, so that their packets went by the sockets.</summary>
    public long Fallbacks { get; private set; }

    /// <summary>Frames that the kernel took.</summary>
    public long Frames { get; private set; }

    /// <summary>Writes one frame that lies in pieces, its vnet header first.</summary>
    /// <returns>
    /// None; EAGAIN: not now; ENOBUFS, ENOMEM: the packet is lost; another: the TAP takes not this one, and it may go another way.
    /// </returns>
    public Errno Write(IoVector* vectors, int count)
    {
        Errno errno = writer.Write(tap.Handle, vectors, count);
        switch (errno)
        {
            case Errno.None:
                Frames++;
                _refusalsInRow = 0;
                break;
            case Errno.EAGAIN or Errno.ENOBUFS or Errno.ENOMEM:
                break;
            default:
                Fallbacks++;
                if (errno == Errno.EBADFD || ++_refusalsInRow == MaxRefusalsInRow)
                {
                    string what = errno switch
                    {
                        Errno.EBADFD => "was deleted",
                        Errno.EIO => "is down",
                        _ => $"refused {MaxRefusalsInRow} frames in a row",
                    };
                    Failure = $"the interface {tap.Name} {what} ({errno})";
                }

                break;
        }

        return errno;
    }
}
