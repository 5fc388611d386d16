using System.Text.RegularExpressions;
using Overlay.Tests.Packaging;
using Xunit;

namespace Overlay.Tests.Architecture;

/// <summary>Arrows point down the floors: who may know whom, read from the sources themselves.</summary>
public sealed partial class FloorTests
{
    /// <summary>Each room and the rooms it may know, beside floor 0 and the BCL.</summary>
    private static readonly Dictionary<string, string[]> MayKnow = new()
    {
        [""] = [],
        ["Wire"] = [],
        ["Tables"] = [],
        ["Encapsulation"] = ["Wire"],
        ["DataPath"] = ["Wire", "Encapsulation", "Tables"],
        ["Capture"] = ["Wire", "DataPath"],
    };

    /// <summary>Where a pointer is allowed: with a checked twin in the same file, a test that compares the two, and a figure beside the code. IPv4Band only asks for lines.</summary>
    private static readonly string[] ByPointer = ["ForwardingSlots.cs: unsafe", "IPv4Band.cs: unsafe"];

    [Fact]
    public void Every_room_knows_only_the_floors_below_it()
    {
        List<string> breaches = [];
        int seen = 0;
        foreach (string file in Sources("src/Overlay"))
        {
            string room = Path.GetDirectoryName(Path.GetRelativePath(Path.Combine(Repository.Root, "src", "Overlay"), file))!;
            Assert.True(MayKnow.ContainsKey(room), $"{file}: the room '{room}' is not in the plan of the house.");
            foreach (Match match in OverlayNamespace().Matches(File.ReadAllText(file)))
            {
                seen++;
                string known = match.Groups[1].Value;
                if (known != room && MayKnow.ContainsKey(known) && !MayKnow[room].Contains(known))
                {
                    breaches.Add($"{Path.GetFileName(file)}: {room} knows {known}");
                }
            }
        }

        Assert.True(seen > 20, "The search finds hardly any namespace: it no longer looks at the right thing.");
        Assert.Empty(breaches);
    }

    [Fact]
    public void The_portable_package_has_no_system_calls_no_unsafe_code_and_no_clock()
    {
        List<string> breaches = [];
        foreach (string file in Sources("src/Overlay"))
        {
            string text = Comments().Replace(File.ReadAllText(file), "");
            breaches.AddRange(Forbidden().Matches(text).Select(match => $"{Path.GetFileName(file)}: {match.Value}").Except(ByPointer));
        }

        Assert.Empty(breaches);
    }

    /// <summary>Unchecked stores and loads: only in these files, each with a checked twin in the tests and a figure beside the code.</summary>
    [Fact]
    public void Unchecked_memory_access_is_named_here()
    {
        string[] files = [.. Sources("src/Overlay").Where(file => File.ReadAllText(file).Contains("Unsafe.", StringComparison.Ordinal)).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)];
        Assert.Equal(["HeaderFields.cs", "VxlanEncapsulator.cs"], files);
    }

    [Fact]
    public void System_calls_live_in_one_room_of_the_linux_package()
    {
        foreach (string file in Sources("src/Overlay.Linux"))
        {
            bool declares = File.ReadAllText(file).Contains("[LibraryImport(", StringComparison.Ordinal);
            Assert.True(!declares || Path.GetFileName(Path.GetDirectoryName(file)) == "Interop", $"{file} declares a system call outside Interop.");
        }
    }

    [Fact]
    public void Samples_see_what_a_user_sees()
    {
        foreach (string project in (string[])["src/Overlay/Overlay.csproj", "src/Overlay.Linux/Overlay.Linux.csproj"])
        {
            string text = File.ReadAllText(Path.Combine(Repository.Root, project));
            string[] friends = [.. InternalsVisibleTo().Matches(text).Select(match => match.Groups[1].Value)];
            Assert.NotEmpty(friends);
            Assert.All(friends, friend => Assert.Matches(@"^Overlay(\.\w+)?\.(Tests|Fuzz)$", friend));
        }
    }

    private static string[] Sources(string directory)
    {
        string[] files = [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, directory), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))];
        Assert.NotEmpty(files);
        return files;
    }

    [GeneratedRegex(@"\bOverlay\.(Wire|Tables|Encapsulation|DataPath|Capture|Linux)\b")]
    private static partial Regex OverlayNamespace();

    [GeneratedRegex(@"\bunsafe\b|\bDllImport\b|\bLibraryImport\b|\bStopwatch\b|\bDateTime\.(Utc)?Now\b|\bTickCount|\bTimeProvider\.System\b|\bnew Random\b|\bRandom\.Shared\b|\bSystem\.Net\.Sockets\.Socket\b|\bThread\.Sleep\b")]
    private static partial Regex Forbidden();

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comments();

    [GeneratedRegex("InternalsVisibleTo Include=\"([^\"]+)\"")]
    private static partial Regex InternalsVisibleTo();
}
