using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>struct ifreq (linux/if.h) on 64-bit Linux: a name and a union, of which only the integer members are used.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
internal struct InterfaceRequest
{
    [FieldOffset(0)]
    public NameField Name;

    /// <summary>ifr_flags.</summary>
    [FieldOffset(16)]
    public short Flags;

    /// <summary>ifr_ifindex, ifr_mtu, ifr_qlen.</summary>
    [FieldOffset(16)]
    public int Value;

    public InterfaceRequest(string name)
    {
        if (name.Length != 0)
        {
            InterfaceName.Write(name, Name);
        }
    }

    [InlineArray(InterfaceName.FieldLength)]
    internal struct NameField
    {
        private byte _first;
    }
}
