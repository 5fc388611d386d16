using System.Globalization;
using System.Security.Cryptography;

namespace Overlay.Fuzz.Driver;

/// <summary>Findings as files: <c>TARGET-HASH.bin</c> holds the input, and <c>TARGET-HASH.txt</c> what happened.</summary>
internal static class FindingFile
{
    /// <summary>Writes both.</summary>
    /// <returns>The path of the input.</returns>
    public static string Write(string directory, Finding finding, ulong seed)
    {
        Directory.CreateDirectory(directory);
        string hash = Convert.ToHexStringLower(SHA256.HashData(finding.Input).AsSpan(0, 6));
        string path = Path.Combine(directory, $"{finding.Target}-{hash}.bin");
        File.WriteAllBytes(path, finding.Input);
        File.WriteAllText(Path.ChangeExtension(path, ".txt"), string.Create(
            CultureInfo.InvariantCulture,
            $"target {finding.Target}, seed {seed}, {finding.Input.Length} bytes\n{Convert.ToHexString(finding.Input)}\n\n{finding.Report}\n"));
        return path;
    }

    /// <summary>The name of the target that a file was found by.</summary>
    public static string TargetOf(string path)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        int hyphen = name.LastIndexOf('-');
        return hyphen < 0 ? name : name[..hyphen];
    }
}
