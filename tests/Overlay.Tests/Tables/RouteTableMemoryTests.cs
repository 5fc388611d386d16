using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Tables;

/// <summary>Alone in the process: others' garbage would be counted too.</summary>
[CollectionDefinition(nameof(RouteTableMemoryTests), DisableParallelization = true)]
[Collection(nameof(RouteTableMemoryTests))]
public sealed class RouteTableMemoryTests
{
    [Fact]
    public void A_million_routes_take_less_than_48_bytes_each()
    {
        long before = GC.GetTotalMemory(forceFullCollection: true);
        RouteTable<int> table = new();
        Random random = new(1);
        while (table.Count < 1_000_000)
        {
            int length = random.Next(100) switch { < 60 => 24, < 70 => 23, < 82 => 22, < 88 => 21, < 93 => 20, < 97 => 19, < 99 => 18, _ => 16 };
            table.Set(ValueIPAddress.FromIPv4((uint)random.NextInt64(1L << 24, 224L << 24)).Mask(length), length, random.Next(10_000));
        }

        long bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.InRange(bytes / (double)table.Count, 4, 48);
        GC.KeepAlive(table);
    }
}
