namespace Overlay.Fuzz.Driver;

/// <summary>Makes a finding shorter and plainer as long as it stays one.</summary>
internal static class Minimizer
{
    /// <summary>Removes what is not needed, from large parts to single bytes, then makes zeros of what is left.</summary>
    /// <param name="input">The finding.</param>
    /// <param name="fails">Whether other bytes still are the same finding.</param>
    /// <param name="attempts">How often that may be asked.</param>
    public static byte[] Minimize(byte[] input, Func<byte[], bool> fails, int attempts)
    {
        for (int size = input.Length; size > 0; size /= 2)
        {
            // From the end, which takes payloads off before headers.
            for (int at = input.Length - size; at >= 0 && attempts > 0;)
            {
                byte[] shorter = [.. input[..at], .. input[(at + size)..]];
                attempts--;
                if (fails(shorter))
                {
                    input = shorter;
                }

                at -= size;
                at = Math.Min(at, input.Length - size);
            }
        }

        for (int i = 0; i < input.Length && attempts > 0; i++)
        {
            if (input[i] != 0)
            {
                byte[] plainer = [.. input];
                plainer[i] = 0;
                attempts--;
                input = fails(plainer) ? plainer : input;
            }
        }

        return input;
    }
}
