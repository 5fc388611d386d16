using BenchmarkDotNet.Attributes;
using Overlay.Benchmarks.Wire.Samples;

namespace Overlay.Benchmarks.Wire;

/// <summary>Headers parsed, and every field read.</summary>
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
[GenericTypeArguments(typeof(NshSample))]
[MemoryDiagnoser]
public class HeaderParseBenchmarks<T>
    where T : struct, IHeaderSample
{
    private HeaderSet _set = null!;

    [GlobalSetup]
    public void Setup() => _set = HeaderSet.Make<T>();

    [Benchmark(OperationsPerInvoke = HeaderSet.HeadersPerCall)]
    public ulong Overlay()
    {
        ulong total = 0;
        int length = _set.Length;
        for (int round = 0; round < HeaderSet.Rounds; round++)
        {
            for (ReadOnlySpan<byte> rest = _set.Bytes; rest.Length >= HeaderSet.Stride; rest = rest[HeaderSet.Stride..])
            {
                total += T.Parse(rest[..length]);
            }
        }

        return total;
    }
}
