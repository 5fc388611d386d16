using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>Walks the attributes of a netlink message; ends at the first one that does not fit.</summary>
internal ref struct NetlinkAttributes(ReadOnlySpan<byte> source)
{
    private ReadOnlySpan<byte> _rest = source;

    /// <summary>The attribute's type, without flags.</summary>
    public ushort Type { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>The value as a number; 0 if it is not four bytes long.</summary>
    public readonly uint UInt32 => Value.Length == sizeof(uint) ? MemoryMarshal.Read<uint>(Value) : 0;

    public bool MoveNext()
    {
        if (_rest.Length < Rtnetlink.AttributeHeaderLength)
        {
            return false;
        }

        int length = MemoryMarshal.Read<ushort>(_rest);
        if (length < Rtnetlink.AttributeHeaderLength || length > _rest.Length)
        {
            return false;
        }

        Type = (ushort)(MemoryMarshal.Read<ushort>(_rest[2..]) & Rtnetlink.NLA_TYPE_MASK);
        Value = _rest[Rtnetlink.AttributeHeaderLength..length];
        _rest = _rest[Math.Min(Rtnetlink.Align(length), _rest.Length)..];
        return true;
    }

    /// <summary>The value as an IP address.</summary>
    public readonly bool TryGetAddress(out ValueIPAddress address)
    {
        bool fits = Value.Length is ValueIPAddress.IPv4Length or ValueIPAddress.IPv6Length;
        address = fits ? new ValueIPAddress(Value) : default;
        return fits;
    }
}
