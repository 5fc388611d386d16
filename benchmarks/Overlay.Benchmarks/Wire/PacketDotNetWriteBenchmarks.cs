using BenchmarkDotNet.Attributes;
using Overlay.Benchmarks.Wire.Samples;

namespace Overlay.Benchmarks.Wire;

/// <summary>The same headers written by PacketDotNet.</summary>
[GenericTypeArguments(typeof(EthernetSample))]
[GenericTypeArguments(typeof(ArpSample))]
[GenericTypeArguments(typeof(IPv4Sample))]
[GenericTypeArguments(typeof(IPv6Sample))]
[GenericTypeArguments(typeof(UdpSample))]
[GenericTypeArguments(typeof(TcpSample))]
[GenericTypeArguments(typeof(IcmpSample))]
[GenericTypeArguments(typeof(VxlanSample))]
[MemoryDiagnoser]
public class PacketDotNetWriteBenchmarks<T>
    where T : struct, IPacketDotNetWriter
{
    [GlobalSetup]
    public void Setup()
    {
        HeaderSet set = HeaderSet.Make<T>();
        for (int i = 0; i < set.Arrays.Length; i++)
        {
            byte[] theirs = T.WriteByPacketDotNet((uint)i);
            if (!theirs.AsSpan().SequenceEqual(set.Arrays[i]))
            {
                throw new InvalidOperationException(
                    $"PacketDotNet writes another {typeof(T).Name} than Overlay:\n{Convert.ToHexString(theirs)}\n{Convert.ToHexString(set.Arrays[i])}");
            }
        }
    }

    [Benchmark(OperationsPerInvoke = HeaderSet.HeadersPerCall)]
    public int PacketDotNet()
    {
        int total = 0;
        for (int round = 0; round < HeaderSet.Rounds; round++)
        {
            for (uint number = 0; number < HeaderSet.Headers; number++)
            {
                total += T.WriteByPacketDotNet(number).Length;
            }
        }

        return total;
    }
}
