namespace Overlay.Benchmarks.Wire.Samples;

/// <summary>The same header written by PacketDotNet, which makes arrays.</summary>
public interface IPacketDotNetWriter : IPacketDotNetParser
{
    /// <summary>Writes the header.</summary>
    /// <param name="number">As in <see cref="IHeaderSample.Write"/>.</param>
    /// <returns>The same bytes.</returns>
    static abstract byte[] WriteByPacketDotNet(uint number);
}
