using Overlay.Testing;
using Overlay.Testing.Simulation;
using Xunit;

namespace Overlay.Tests.Simulation;

/// <summary>What crosses the simulated network are real packets: tshark reads them from the captures of the links.</summary>
public sealed class CaptureTests
{
    [Theory]
    [InlineData("calm", "vxlan.vni")]
    [InlineData("ip-in-ip", "ip.proto")]
    public async Task Tshark_reads_what_went_over_the_links(string name, string field)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("simulation");
        try
        {
            SimulatedWorld world = await SimulationRunner.ReplayAsync(name, 3, Scenarios.All[name], directory.FullName);
            Assert.Equal(world.Log.ToString(), await File.ReadAllTextAsync(Path.Combine(directory.FullName, "events.log"), TestContext.Current.CancellationToken));
            string[] captures = [.. directory.GetFiles("*.pcapng").Select(file => file.FullName).Order()];
            Assert.Contains(captures, file => Path.GetFileName(file) == "vtep1-vtep2.pcapng");
            List<string[]> rows = [];
            foreach (string capture in captures)
            {
                rows.AddRange(Tshark.Fields(capture, field, "frame.protocols", "frame.comment", "_ws.expert.message"));
            }

            // One row for each packet on the wire, and duplicates.
            Assert.Equal(world.Log.Of<PacketTransmitted>().Count() + world.Log.Of<PacketDuplicated>().Count(), rows.Count);
            Assert.All(rows.Where(row => !row[2].Contains("corrupted", StringComparison.Ordinal)), row =>
            {
                Assert.DoesNotContain("malformed", row[1], StringComparison.OrdinalIgnoreCase);
                Assert.DoesNotContain("checksum", string.Join(' ', row.Skip(3)), StringComparison.OrdinalIgnoreCase);
                Assert.Matches("^step [0-9]+, p[0-9]+, [a-z-]+ f[0-9]+: ", row[2]);
            });
            string[] values = [.. rows.Select(row => row[0].Split(Tshark.Aggregator)[0]).Distinct().Order(StringComparer.Ordinal)];
            Assert.Equal(name == "calm" ? ["42", "65578"] : ["4"], values);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
