namespace Overlay.Tests.Tables;

/// <summary>Longest-prefix match as a list that is read from end to end, bit by bit.</summary>
internal sealed class SlowRoutes<T>
{
    public Dictionary<(ValueIPAddress Prefix, int Length), T> Rows { get; } = [];

    public bool TryLookup(ValueIPAddress destination, out T? value)
    {
        value = default;
        int best = -1;
        byte[] bytes = destination.ToIPAddress().GetAddressBytes();
        foreach (((ValueIPAddress prefix, int length), T candidate) in Rows)
        {
            byte[] other = prefix.ToIPAddress().GetAddressBytes();
            if (other.Length == bytes.Length && length > best && Enumerable.Range(0, length).All(i => Bit(bytes, i) == Bit(other, i)))
            {
                best = length;
                value = candidate;
            }
        }

        return best >= 0;
    }

    private static int Bit(byte[] bytes, int i) => (bytes[i / 8] >> (7 - (i % 8))) & 1;
}
