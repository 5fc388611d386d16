namespace Overlay.DataPath;

/// <summary>Takes what probing finds out. Called on the thread that the <see cref="PathProber"/> belongs to.</summary>
public interface IPathMtuSink
{
    /// <summary>A size has been found: the first by a search that has ended, larger ones as soon as they are answered.</summary>
    /// <param name="remote">The number of the remote.</param>
    /// <param name="pathMtu">The largest outer IP packet that is known to pass, in bytes.</param>
    /// <param name="now">The time.</param>
    void Found(int remote, int pathMtu, long now);

    /// <summary>Packets of the size that was told last do not pass any more, smaller ones do.</summary>
    /// <param name="remote">The number of the remote.</param>
    /// <param name="pathMtu">A size that passes, in bytes; a search for the largest is on its way.</param>
    /// <param name="now">The time.</param>
    void BlackHole(int remote, int pathMtu, long now);

    /// <summary>The remote has answered nothing for so long that what it answered before says no more.</summary>
    /// <param name="remote">The number of the remote.</param>
    /// <param name="now">The time.</param>
    void Forgotten(int remote, long now);
}
