namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>The same header read by PacketDotNet, which takes arrays only.</summary>
public interface IPacketDotNetParser : IHeaderSample
{
    /// <summary>Parses a header and reads the same fields.</summary>
    /// <returns>What <see cref="IHeaderSample.Parse"/> makes of them.</returns>
    static abstract ulong ParseByPacketDotNet(byte[] packet);
}
