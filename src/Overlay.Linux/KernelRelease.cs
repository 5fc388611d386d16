using System.Globalization;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>The release of a Linux kernel as far as rules depend on it: <c>7.1.4</c> of <c>7.1.4-arch1-1</c>.</summary>
/// <param name="Major">The first number.</param>
/// <param name="Minor">The second number.</param>
/// <param name="Patch">The third number; 0 if there is none, as in release candidates.</param>
internal readonly record struct KernelRelease(int Major, int Minor, int Patch)
{
    /// <summary>
    /// Whether the kernel breaks UDP GSO where the last segment is as long as the others: wrong UDP lengths and checksums, on devices that segment
    /// in part. In 7.0-rc1 by commit b10b446, out again in 7.1.5; what distributions changed cannot be seen from the number.
    /// </summary>
    /// <remarks>
    /// The device below decides whether it happens, which cannot be known here, so the number alone does. Only such trains are affected; whatever
    /// ends with a shorter datagram may go in one piece. An extra short datagram at the end of each train would help too, but it would be
    /// a packet that the remote counts as bad.
    /// </remarks>
    public bool BreaksEqualSegments => Major == 7 && (Minor == 0 || (Minor == 1 && Patch <= 4));

    /// <summary>The release that is running; all zero if it is not given in numbers.</summary>
    public static unsafe KernelRelease Running()
    {
        UtsName name;
        if (Libc.uname(&name) != 0)
        {
            throw LinuxException.Last("uname", "the kernel");
        }

        return TryParse(InterfaceName.Read(new ReadOnlySpan<byte>(name.Release, UtsName.FieldLength)), out KernelRelease release) ? release : default;
    }

    /// <summary>Reads what uname tells.</summary>
    /// <returns>false if it does not begin with two numbers.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out KernelRelease release)
    {
        release = default;
        if (!TryTakeNumber(ref text, out int major) || !TryTakeDot(ref text) || !TryTakeNumber(ref text, out int minor))
        {
            return false;
        }

        int patch = 0;
        if (TryTakeDot(ref text) && !TryTakeNumber(ref text, out patch))
        {
            patch = 0;
        }

        release = new KernelRelease(major, minor, patch);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}.{Minor}.{Patch}");

    private static bool TryTakeNumber(ref ReadOnlySpan<char> text, out int number)
    {
        int digits = text.IndexOfAnyExceptInRange('0', '9');
        digits = digits < 0 ? text.Length : digits;
        bool isNumber = int.TryParse(text[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out number);
        text = text[digits..];
        return isNumber;
    }

    private static bool TryTakeDot(ref ReadOnlySpan<char> text)
    {
        bool isDot = text is ['.', ..];
        text = isDot ? text[1..] : text;
        return isDot;
    }
}
