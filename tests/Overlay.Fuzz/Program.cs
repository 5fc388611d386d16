using Overlay.Fuzz.Driver;

namespace Overlay.Fuzz;

/// <summary>
/// Gives arbitrary bytes to everything that reads bytes from elsewhere. Exit codes: 0 nothing was found, 1 something was, 2 usage.
/// </summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (FuzzOptions.Parse(arguments, out string error) is not { } options)
        {
            Console.Error.WriteLine(error);
            Console.Error.WriteLine(FuzzOptions.Usage);
            return 2;
        }

        if (options.List)
        {
            foreach (int index in Catalog.Default)
            {
                Console.WriteLine(Catalog.All[index].Name);
            }

            return 0;
        }

        if (options.Arena is { } arena)
        {
            Worker.Run(options, arena, options.Seed ?? 0);
            return 0;
        }

        return options.Replay is { } path ? ReplayFile(path, options) : new Supervisor(options, Console.Out).Run().Count == 0 ? 0 : 1;
    }

    private static int ReplayFile(string path, FuzzOptions options)
    {
        IReadOnlyList<int>? targets = options.Targets.Count == 1 ? options.Targets : Catalog.Find(FindingFile.TargetOf(path));
        if (targets is null)
        {
            Console.Error.WriteLine($"{path}: the name begins with no target's name; say which with --target NAME (--list shows them)");
            return 2;
        }

        if (!File.Exists(path) || new FileInfo(path).Length > Arena.MaxInput)
        {
            Console.Error.WriteLine($"{path}: there is no such file, or it has more than {Arena.MaxInput} bytes");
            return 2;
        }

        return Replay.Run(Catalog.All[targets[0]], targets[0], File.ReadAllBytes(path), options.Timeout, Console.Out) ? 0 : 1;
    }
}
