using System.Text;

namespace Overlay.Daemon.Configuration;

/// <summary>The rules of Linux for the names of network devices (dev_valid_name).</summary>
internal static class InterfaceName
{
    /// <summary>The longest name in bytes: IFNAMSIZ without the terminating zero.</summary>
    public const int MaxLength = 15;

    /// <summary>What a valid name looks like, for messages.</summary>
    public const string Right = "1 to 15 bytes without /, :, % and white space, other than \".\" and \"..\",";

    /// <summary>Whether Linux takes the name, and takes it literally: a % asks TUNSETIFF for a number.</summary>
    public static bool IsValid(string name) =>
        name.Length > 0 && Encoding.UTF8.GetByteCount(name) <= MaxLength && name is not ("." or "..") &&
        !name.Any(c => c is '/' or ':' or '%' || char.IsWhiteSpace(c) || char.IsControl(c));
}
