using System.Collections.Concurrent;
using Overlay.Capture;

namespace Overlay.Testing;

/// <summary>
/// The captures that nobody here made: below $OVERLAY_CORPUS, else <c>../shared/corpus</c> beside the repository. Without them tests are skipped.
/// </summary>
public static class Corpus
{
    private static readonly ConcurrentDictionary<string, IReadOnlyList<CapturedPacket>> Cache = new();

    /// <summary>The directory, or null if there is none.</summary>
    public static string? Directory { get; } = Find();

    /// <summary>All captures, as paths relative to the directory with <c>/</c> between, in order. Empty without a corpus.</summary>
    public static IReadOnlyList<string> Files { get; } = Directory is null
        ? []
        : [.. System.IO.Directory.EnumerateFiles(Directory, "*.pcap*", SearchOption.AllDirectories)
            .Where(path => Path.GetExtension(path) is ".pcap" or ".pcapng")
            .Select(path => Path.GetRelativePath(Directory, path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal)];

    /// <summary>The full path of a capture such as <c>tcpdump/vxlan.pcap</c>. Skips the running test without a corpus.</summary>
    public static string PathOf(string name)
    {
        if (Directory is null)
        {
            Requires.Skip("no captures: set OVERLAY_CORPUS, or put them into ../shared/corpus beside the repository");
        }

        return Path.Combine(Directory!, name);
    }

    /// <summary>The bytes of a capture file. Skips as <see cref="PathOf"/>.</summary>
    public static byte[] Bytes(string name) => File.ReadAllBytes(PathOf(name));

    /// <summary>The packets of a capture such as <c>tcpdump/vxlan.pcap</c>, in order, read once. Skips as <see cref="PathOf"/>.</summary>
    public static IReadOnlyList<CapturedPacket> Packets(string name)
    {
        byte[] bytes = Bytes(name);
        return Cache.GetOrAdd(name, _ => Read(bytes));
    }

    /// <summary>The packets of a capture in memory.</summary>
    public static IReadOnlyList<CapturedPacket> Read(byte[] capture)
    {
        // A stream in memory never waits: nothing blocks here.
        return ReadAll().GetAwaiter().GetResult();

        async Task<IReadOnlyList<CapturedPacket>> ReadAll()
        {
            List<CapturedPacket> packets = [];
            var reader = new CaptureReader(new MemoryStream(capture));
            await using (reader.ConfigureAwait(false))
            {
                await foreach (CapturedPacket packet in reader.ReadAllAsync().ConfigureAwait(false))
                {
                    packets.Add(packet);
                }
            }

            return packets;
        }
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("OVERLAY_CORPUS") is { Length: > 0 } configured)
        {
            return System.IO.Directory.Exists(configured)
                ? Path.GetFullPath(configured)
                : throw new DirectoryNotFoundException($"OVERLAY_CORPUS names {configured}, which is not a directory.");
        }

        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Overlay.sln")))
            {
                string candidate = Path.GetFullPath(Path.Combine(directory.FullName, "..", "shared", "corpus"));
                return System.IO.Directory.Exists(candidate) ? candidate : null;
            }
        }

        return null;
    }
}
