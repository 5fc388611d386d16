using Overlay.Benchmarks.Comparison;

namespace Overlay.Benchmarks.Scale;

/// <summary><c>bench tables</c>: the tables at the size of a cluster, beside DPDK's and those of .NET.</summary>
internal static class ScaleCommand
{
    private const string PlotName = "tables.svg";
    private const string Section = "tables";

    /// <summary>Runs it.</summary>
    /// <returns>0, or 2 for a mistake in the command line.</returns>
    public static int Run(ReadOnlySpan<string> args)
    {
        ScaleOptions options;
        try
        {
            options = ScaleOptions.Parse(args);
        }
        catch (ArgumentException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return 2;
        }

        string? document = options.Record is null ? null : File.ReadAllText(options.Record);
        if (document is not null)
        {
            _ = MarkedSection.Replace(document, "", Section);
        }

        MachineFacts machine = MachineFacts.Gather();
        string? yardstick = Environment.GetEnvironmentVariable("OVERLAY_TABLES_YARDSTICK");
        if (yardstick is null)
        {
            Console.WriteLine("No DPDK: set OVERLAY_TABLES_YARDSTICK to the program made of benchmarks/yardsticks/tables.c, or use ./build.sh bench tables.");
        }

        using DpdkTables? dpdk = yardstick is null ? null : DpdkTables.Start(yardstick);
        ScaleRun run = new(options, dpdk, static what => Console.Error.WriteLine(what));
        run.Run();
        string report = ScaleReport.Make(machine, MachineFacts.Load(), options, run);
        string plot = GrowthPlot.Draw(run.Growth);
        Directory.CreateDirectory(options.Output);
        File.WriteAllText(Path.Combine(options.Output, "tables.md"), report);
        File.WriteAllText(Path.Combine(options.Output, PlotName), plot);
        Console.WriteLine(report);
        Console.WriteLine($"Also in {Path.GetFullPath(options.Output)}, with the plot of the growth.");
        if (document is not null)
        {
            File.WriteAllText(options.Record!, MarkedSection.Replace(document, report + "\n![Time of a look-up and bytes per entry, by the number of entries](" + PlotName + ")\n", Section));
            File.WriteAllText(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(options.Record!))!, PlotName), plot);
            Console.WriteLine($"Recorded in {options.Record}");
        }

        return 0;
    }
}
