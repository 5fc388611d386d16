using Overlay.Linux;

namespace Overlay.Daemon.Configuration;

/// <summary>Names of devices in a configuration.</summary>
internal static class DeviceName
{
    /// <summary>What a valid name looks like, for messages.</summary>
    public const string Right = "1 to 15 bytes without /, :, % and white space, other than \".\" and \"..\",";

    /// <summary>Whether Linux takes the name, and takes it literally: a % asks TUNSETIFF for a number.</summary>
    public static bool IsValid(string name) => InterfaceName.IsValid(name) && !name.Any(c => c == '%' || char.IsControl(c));
}
