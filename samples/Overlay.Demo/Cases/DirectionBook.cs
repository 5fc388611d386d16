using System.Text.Json;

namespace Overlay.Demo.Cases;

/// <summary>The books of one direction of one overlayd, as its status has them; in wire packets.</summary>
/// <param name="Host"><c>here</c> or <c>there</c>.</param>
/// <param name="Direction"><c>egress</c>, from the device to the underlay, or <c>ingress</c>.</param>
/// <param name="RxPackets">What came in.</param>
/// <param name="TxPackets">What was handed over.</param>
/// <param name="Replicated">Further copies of flooded packets.</param>
/// <param name="Originated">Packets made by overlayd itself.</param>
/// <param name="Consumed">Packets used up by overlayd itself.</param>
/// <param name="Drops">Drops by reason.</param>
internal sealed record DirectionBook(
    string Host, string Direction, long RxPackets, long TxPackets, long Replicated, long Originated, long Consumed,
    IReadOnlyDictionary<string, long> Drops)
{
    /// <summary>Whether nothing vanished: rx + replicated + originated = tx + consumed + drops.</summary>
    public bool Balanced => RxPackets + Replicated + Originated == TxPackets + Consumed + Drops.Values.Sum();

    /// <summary>Reads one direction of a tunnel's status.</summary>
    public static DirectionBook Read(string host, string direction, JsonElement tunnel)
    {
        JsonElement book = tunnel.GetProperty(direction);
        return new DirectionBook(
            host, direction, Count("rxPackets"), Count("txPackets"), Count("replicated"), Count("originated"), Count("consumed"),
            ReadDrops(book.GetProperty("drops")));

        long Count(string name) => book.GetProperty(name).GetInt64();
    }

    /// <summary>Reads counters by reason.</summary>
    public static Dictionary<string, long> ReadDrops(JsonElement drops) =>
        drops.EnumerateObject().ToDictionary(drop => drop.Name, drop => drop.Value.GetInt64());

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Host} {Direction}: {RxPackets} rx + {Replicated} replicated + {Originated} originated {(Balanced ? "=" : "is not")} " +
        $"{TxPackets} tx + {Consumed} consumed + {Drops.Values.Sum()} dropped";
}
