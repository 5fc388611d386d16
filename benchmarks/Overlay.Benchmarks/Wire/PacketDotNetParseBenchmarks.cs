using BenchmarkDotNet.Attributes;
using Overlay.Benchmarks.Wire.Samples;

namespace Overlay.Benchmarks.Wire;

/// <summary>The same headers and fields read by PacketDotNet.</summary>
[GenericTypeArguments(typeof(EthernetSample))]
[GenericTypeArguments(typeof(ArpSample))]
[GenericTypeArguments(typeof(IPv4Sample))]
[GenericTypeArguments(typeof(IPv6Sample))]
[GenericTypeArguments(typeof(UdpSample))]
[GenericTypeArguments(typeof(TcpSample))]
[GenericTypeArguments(typeof(IcmpSample))]
[GenericTypeArguments(typeof(VxlanSample))]
[GenericTypeArguments(typeof(GreSample))]
[MemoryDiagnoser]
public class PacketDotNetParseBenchmarks<T>
    where T : struct, IPacketDotNetParser
{
    private HeaderSet _set = null!;

    [GlobalSetup]
    public void Setup()
    {
        _set = HeaderSet.Make<T>();
        foreach (byte[] header in _set.Arrays)
        {
            // GRE is the one of which it cannot read all.
            if (T.ParseByPacketDotNet(header) != T.Parse(header) && typeof(T) != typeof(GreSample))
            {
                throw new InvalidOperationException($"PacketDotNet reads another {typeof(T).Name} than Overlay: {Convert.ToHexString(header)}.");
            }
        }
    }

    [Benchmark(OperationsPerInvoke = HeaderSet.HeadersPerCall)]
    public ulong PacketDotNet()
    {
        ulong total = 0;
        for (int round = 0; round < HeaderSet.Rounds; round++)
        {
            foreach (byte[] header in _set.Arrays)
            {
                total += T.ParseByPacketDotNet(header);
            }
        }

        return total;
    }
}
