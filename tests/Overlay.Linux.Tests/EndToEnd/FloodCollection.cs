using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Tests that fill the machine, or whose bounds of time others would disturb: one after the other, and with nothing beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FloodCollection
{
    public const string Name = "flood";
}
