using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary><c>struct new_utsname</c> of linux/utsname.h: six texts, each ended by zero.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct UtsName
{
    /// <summary>Bytes of each text.</summary>
    public const int FieldLength = 65;

    public fixed byte System[FieldLength];
    public fixed byte Node[FieldLength];
    public fixed byte Release[FieldLength];
    public fixed byte Version[FieldLength];
    public fixed byte Machine[FieldLength];
    public fixed byte Domain[FieldLength];
}
