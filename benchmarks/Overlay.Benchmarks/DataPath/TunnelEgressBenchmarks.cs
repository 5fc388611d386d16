using BenchmarkDotNet.Attributes;
using Overlay.DataPath;
using Overlay.Encapsulation;

namespace Overlay.Benchmarks.DataPath;

/// <summary>
/// A batch of 64 frames on its way from a TAP device to the underlay: FDB of 10 000 entries, flow hash, policy, books; then the header of the tunnel, as a UDP
/// endpoint writes it into a train. IP and UDP are the kernel's there, and the copy of the frame is no part of this.
/// </summary>
[MemoryDiagnoser]
public class TunnelEgressBenchmarks
{
    private const int Frames = 64;
    private const int BatchesPerCall = 12;
    private const int Endpoint = 1;
    private const int DatagramStride = 64;

    private readonly byte[] _train = new byte[Frames * DatagramStride];
    private readonly PacketBatch _batch = new(Frames);
    private readonly TunnelHeader _header = TunnelHeader.Create(TunnelKind.Vxlan, carriesEthernet: true);
    private World _world = null!;
    private TunnelEgress _egress = null!;

    [Params(64, 1450)]
    public int FrameLength { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _world = new World(FrameLength, Frames, outerChecksum: false);
        var options = new TunnelOptions
        {
            Name = "vx42",
            Kind = TunnelKind.Vxlan,
            Vni = _world.Vni,
            Local = _world.OwnAddress,
            Layer = DeviceLayer.Ethernet,
        };
        _egress = new TunnelEgress(new Tunnel(options, _world.Tables), device: 0, Endpoint);
        _batch.Clear();
        for (int i = 0; i < Frames; i++)
        {
            if (!_batch.TryAppend(_world.Frame(i), out _))
            {
                throw new InvalidOperationException($"The batch has no room for frame {i}.");
            }
        }

        _egress.Process(_batch, now: 0);
        for (int i = 0; i < Frames; i++)
        {
            ref readonly PacketMeta meta = ref _batch.Meta(i);
            MacAddress destination = new(_world.Frame(i)[..MacAddress.Length]);
            ValueIPAddress remote = _world.AddressOfRemote[Array.IndexOf(_world.Macs, destination) % World.Remotes];
            if (meta.State != PacketState.Pending || meta.Output != Endpoint || meta.Remote != remote || _batch.Count != Frames)
            {
                throw new InvalidOperationException($"Frame {i} is {meta.State} ({meta.Drop}) for output {meta.Output}, to {meta.Remote} where {remote} was due.");
            }
        }
    }

    /// <summary>The decision alone. A batch that was decided can be decided again: all of it is written anew.</summary>
    [Benchmark(OperationsPerInvoke = Frames * BatchesPerCall)]
    public int Decide()
    {
        for (int round = 0; round < BatchesPerCall; round++)
        {
            _egress.Process(_batch, now: 0);
        }

        return _batch.Count;
    }

    /// <summary>The decision and the header.</summary>
    [Benchmark(OperationsPerInvoke = Frames * BatchesPerCall)]
    public int DecideAndWrite()
    {
        for (int round = 0; round < BatchesPerCall; round++)
        {
            _egress.Process(_batch, now: 0);
            Span<byte> rest = _train;
            for (int i = 0; i < _batch.Count; i++)
            {
                ref readonly PacketMeta meta = ref _batch.Meta(i);
                _header.Write(rest, meta.Vni, _batch.Data(i));
                rest = rest[DatagramStride..];
            }
        }

        return _batch.Count;
    }
}
