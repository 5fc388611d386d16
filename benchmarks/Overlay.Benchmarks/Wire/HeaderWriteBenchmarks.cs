using BenchmarkDotNet.Attributes;
using Overlay.Benchmarks.Wire.Samples;

namespace Overlay.Benchmarks.Wire;

/// <summary>Headers built of their fields and written.</summary>
[GenericTypeArguments(typeof(EthernetSample))]
[GenericTypeArguments(typeof(ArpSample))]
[GenericTypeArguments(typeof(IPv4Sample))]
[GenericTypeArguments(typeof(IPv6Sample))]
[GenericTypeArguments(typeof(UdpSample))]
[GenericTypeArguments(typeof(TcpSample))]
[GenericTypeArguments(typeof(IcmpSample))]
[GenericTypeArguments(typeof(VxlanSample))]
[GenericTypeArguments(typeof(VxlanGroupPolicySample))]
[GenericTypeArguments(typeof(VxlanGpeSample))]
[GenericTypeArguments(typeof(GeneveSample))]
[GenericTypeArguments(typeof(GeneveOptionsSample))]
[GenericTypeArguments(typeof(GreSample))]
[GenericTypeArguments(typeof(GueSample))]
[GenericTypeArguments(typeof(EncapsulationLimitSample))]
[MemoryDiagnoser]
public class HeaderWriteBenchmarks<T>
    where T : struct, IHeaderSample
{
    private HeaderSet _set = null!;

    [GlobalSetup]
    public void Setup() => _set = HeaderSet.Make<T>();

    [Benchmark(OperationsPerInvoke = HeaderSet.HeadersPerCall)]
    public int Overlay()
    {
        int total = 0;
        for (int round = 0; round < HeaderSet.Rounds; round++)
        {
            uint number = 0;
            for (Span<byte> rest = _set.Bytes; rest.Length >= HeaderSet.Stride; rest = rest[HeaderSet.Stride..])
            {
                total += T.Write(rest[..HeaderSet.Stride], number++);
            }
        }

        return total;
    }
}
