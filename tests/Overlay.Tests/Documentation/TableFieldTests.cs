using System.Text.Json.Serialization.Metadata;
using Overlay.Daemon.Commands;
using Overlay.Daemon.Control;
using Overlay.Daemon.Control.Show;
using Overlay.Tests.Packaging;
using Xunit;

namespace Overlay.Tests.Documentation;

/// <summary>docs/tables.md names every field that <c>overlayd show --json</c> prints, and no other, and every option of the commands.</summary>
public sealed class TableFieldTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(Repository.Root, "docs", "tables.md"));

    public static TheoryData<string> Tables => [.. ShowTable.All.Select(table => table.Name)];

    [Theory]
    [MemberData(nameof(Tables))]
    public void Every_field_stands_in_the_table_of_its_command(string table)
    {
        JsonTypeInfo shape = table switch
        {
            "fdb" => ControlJson.Default.FdbShowRow,
            "neighbors" => ControlJson.Default.NeighborShowRow,
            "misses" => ControlJson.Default.MissShowRow,
            "routes" => ControlJson.Default.RouteShowRow,
            "flood" => ControlJson.Default.FloodShowRow,
            _ => ControlJson.Default.VniShowRow,
        };
        int begin = Text.IndexOf($"\n`show {table}`", StringComparison.Ordinal);
        Assert.True(begin >= 0, $"There is no table of {table}.");
        string[] rows = [.. Text[(begin + 1)..].Split('\n').SkipWhile(line => !line.StartsWith('|')).TakeWhile(line => line.StartsWith('|')).Skip(2)];
        string[] documented = [.. rows.SelectMany(row => row.Split('|')[1].Split(',')).Select(name => name.Trim().Trim('`'))];
        Assert.Equal(shape.Properties.Select(property => property.Name).Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_command_stands_there_with_its_options()
    {
        foreach (string command in (string[])["fdb add", "fdb del", "fdb flush", "fdb replace", "neighbor add", "neighbor del", "route add", "route del", "flood add", "flood del"])
        {
            string lines = string.Join(' ', Text.Split('\n').Where(line => line.StartsWith($"    overlayd {command} ", StringComparison.Ordinal)));
            StringWriter help = new();
            int exitCode = await new Overlay.Daemon.Commands.CommandLine(help, help, (_, _) => throw new InvalidOperationException("No daemon is asked for.")).RunAsync([.. command.Split(' '), "--help"]);
            Assert.Equal(0, exitCode);
            string[] options = [.. help.ToString().Split([' ', ',', '\n'], StringSplitOptions.RemoveEmptyEntries).Where(word => word.StartsWith("--", StringComparison.Ordinal)).Distinct()];
            Assert.Equal(
                options.Except(["--help", "--socket"]).Order(StringComparer.Ordinal),
                lines.Split([' ', '[', ']'], StringSplitOptions.RemoveEmptyEntries).Where(word => word.StartsWith("--", StringComparison.Ordinal)).Distinct().Order(StringComparer.Ordinal));
        }
    }
}
