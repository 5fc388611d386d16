namespace Overlay.Fuzz.Targets;

/// <summary>Addresses for what needs some.</summary>
internal static class Samples
{
    public static ValueIPAddress A4 { get; } = ValueIPAddress.Parse("192.0.2.1");

    public static ValueIPAddress B4 { get; } = ValueIPAddress.Parse("192.0.2.2");

    public static ValueIPAddress A6 { get; } = ValueIPAddress.Parse("2001:db8::1");

    public static ValueIPAddress B6 { get; } = ValueIPAddress.Parse("2001:db8::2");
}
