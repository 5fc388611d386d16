using Overlay.Linux.Tests.EndToEnd;
using Xunit.Sdk;
using Xunit.v3;

namespace Overlay.Linux.Tests;

/// <summary>
/// The order in which collections of tests are begun: those that take longest, half a minute to two minutes each, come first, so that none of them is left to run
/// alone when all others are done.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    // Not two kernels of user-mode Linux in a row: they would boot beside each other, and each keeps a processor busy.
    private static readonly Type[] Long =
    [
        typeof(BlackHoleTests), typeof(UmlGreTests), typeof(OffloadChecksumTests), typeof(UmlIPInIPTests), typeof(IPInIPTransportTests), typeof(UmlUdpTunnelTests),
        typeof(DemoTests), typeof(PathMtuPeerTests),
    ];

    /// <inheritdoc/>
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(static collection => Rank(collection.TestCollectionDisplayName)).ThenBy(static collection => collection.UniqueID, StringComparer.Ordinal)];

    private static int Rank(string displayName)
    {
        // "Test collection for Namespace.Class (id: …)"
        int index = Array.FindIndex(Long, type => displayName.Contains($" {type.FullName} ", StringComparison.Ordinal));
        return index < 0 ? Long.Length : index;
    }
}
