namespace Overlay.Tests.Tables;

/// <summary>Short names for what the tests of the tables are made of.</summary>
internal static class TableSamples
{
    public static readonly Vni Net = new(42);

    /// <summary>02:00:… with a number behind: unicast, locally administered.</summary>
    public static MacAddress Mac(uint number) => MacAddress.FromValue(0x0200_0000_0000UL | number);

    /// <summary>10.x.y.z.</summary>
    public static ValueIPAddress Remote(uint number) => ValueIPAddress.FromIPv4(0x0A00_0000 | number);

    public static ValueIPAddress IP(string text) => ValueIPAddress.Parse(text);
}
