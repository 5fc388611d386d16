using Overlay.Wire;

namespace Overlay.Daemon.Configuration;

/// <summary>The options that a Geneve tunnel writes into every packet.</summary>
internal static class GeneveOptionsReader
{
    /// <summary>Reads the options into the bytes that they are on the wire.</summary>
    /// <param name="node">The list; null if it is absent.</param>
    /// <param name="values">Reads the values.</param>
    /// <param name="errors">Takes the mistakes.</param>
    public static ReadOnlyMemory<byte> Read(ConfigNode? node, ValueReader values, ConfigErrors errors)
    {
        GeneveOptionsBuilder builder = new(new byte[GenevePacket.MaximumOptionsLength]);
        foreach (ConfigNode item in values.List(node, "options"))
        {
            if (ObjectReader.Open(item, "an option", errors) is not ObjectReader option)
            {
                continue;
            }

            int? optionClass = values.Integer(option.Require("class", "a number from 0 to 65535"), "class", 0, ushort.MaxValue);
            int? type = values.Integer(option.Require("type", "a number from 0 to 255"), "type", 0, byte.MaxValue);
            byte[]? data = ReadData(option.Take("data"), values);
            option.Finish();
            if (optionClass is int c && type is int t && data is not null && !builder.TryAdd((ushort)c, (byte)t, data))
            {
                errors.Add(item.Line, $"the options exceed {GenevePacket.MaximumOptionsLength} bytes, 4 and the data for each; fewer or shorter ones are right");
            }
        }

        return builder.Written.IsEmpty ? default : builder.Written.ToArray();
    }

    private static byte[]? ReadData(ConfigNode? node, ValueReader values)
    {
        if (node is null)
        {
            return [];
        }

        Span<byte> data = stackalloc byte[GeneveOption.MaximumDataLength];
        if (node.Kind == ConfigNodeKind.String && node.Text.Length % 8 == 0 && node.Text.Length <= 2 * GeneveOption.MaximumDataLength &&
            Convert.FromHexString(node.Text, data, out _, out int length) == System.Buffers.OperationStatus.Done)
        {
            return data[..length].ToArray();
        }

        values.Wrong(node, "data", $"a text of hexadecimal digits, 0 to {GeneveOption.MaximumDataLength} bytes in words of four,");
        return null;
    }
}
