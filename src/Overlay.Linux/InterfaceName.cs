using System.Text;

namespace Overlay.Linux;

/// <summary>The rules of Linux for the names of network interfaces (dev_valid_name).</summary>
public static class InterfaceName
{
    /// <summary>The longest name in bytes: IFNAMSIZ − 1.</summary>
    public const int MaxLength = 15;

    internal const int FieldLength = MaxLength + 1;

    /// <summary>Whether an interface can have this name: 1 to 15 bytes, neither "." nor "..", no slash, colon or white space.</summary>
    public static bool IsValid(string? name)
    {
        if (string.IsNullOrEmpty(name) || name is "." or ".." || Encoding.UTF8.GetByteCount(name) > MaxLength)
        {
            return false;
        }

        foreach (char c in name)
        {
            if (c is '/' or ':' or '\0' || char.IsWhiteSpace(c))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Throws for a name that no interface can have.</summary>
    internal static void Check(string name, string parameter)
    {
        ArgumentNullException.ThrowIfNull(name, parameter);
        if (!IsValid(name))
        {
            throw new ArgumentException(
                $"'{name}' cannot be the name of an interface: 1 to {MaxLength} bytes, neither '.' nor '..', no slash, colon or white space.", parameter);
        }
    }

    /// <summary>Writes a checked name, filled up with zeros, into the field of a kernel structure.</summary>
    internal static void Write(string name, Span<byte> field)
    {
        field.Clear();
        Encoding.UTF8.GetBytes(name, field[..MaxLength]);
    }

    /// <summary>The name in a zero-terminated field.</summary>
    internal static string Read(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }
}
