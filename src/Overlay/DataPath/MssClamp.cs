namespace Overlay.DataPath;

/// <summary>To what the maximum segment size in passing TCP SYN segments is lowered. It is never raised.</summary>
public readonly record struct MssClamp
{
    private const int ToPath = -1;

    private readonly int _mss;

    private MssClamp(int mss) => _mss = mss;

    /// <summary>Nothing is changed.</summary>
    public static MssClamp Off => default;

    /// <summary>To what the path to the remote takes at the time: its MTU less the outer headers, the inner IP header and 20 bytes of TCP (RFC 6691 §2).</summary>
    public static MssClamp Path => new(ToPath);

    /// <summary>Whether nothing is changed.</summary>
    public bool IsOff => _mss == 0;

    /// <summary>Whether the path decides.</summary>
    public bool IsPath => _mss == ToPath;

    /// <summary>The fixed size in bytes; 0 if there is none.</summary>
    public int Fixed => Math.Max(_mss, 0);

    /// <summary>To a fixed size.</summary>
    /// <param name="mss">Bytes of TCP payload, 1 to 65 535.</param>
    /// <exception cref="ArgumentOutOfRangeException">0.</exception>
    public static MssClamp To(ushort mss)
    {
        ArgumentOutOfRangeException.ThrowIfZero(mss);
        return new MssClamp(mss);
    }

    /// <inheritdoc/>
    public override string ToString() => IsOff ? "off" : IsPath ? "path" : $"{_mss}";
}
