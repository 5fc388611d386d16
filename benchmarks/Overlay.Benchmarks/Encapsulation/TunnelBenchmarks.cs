using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.Benchmarks.Encapsulation;

/// <summary>
/// Packets of 1450 bytes into every kind of tunnel, where they lie, and out again: 24 of them in the first-level cache. Neither look-up nor hash is part of it, and
/// outer UDP checksums are zero.
/// </summary>
[MemoryDiagnoser]
public class TunnelBenchmarks
{
    private const int InnerLength = 1450;
    private const int Packets = 24;
    private const int PacketsPerCall = 768;

    // Zero checksums over IPv6 are to be allowed (RFC 6936 §4).
    private const DecapsulationOptions Options = DecapsulationOptions.AcceptZeroUdpChecksumIPv6;

    private readonly OuterHeaderFields[] _fields = new OuterHeaderFields[Packets];
    private byte[] _buffer = [];
    private int _overhead;
    private VxlanEncapsulator? _vxlan;
    private UdpEncapsulator? _udp;
    private GreEncapsulator? _gre;
    private IPInIPEncapsulator? _ipInIP;

    public static IEnumerable<TunnelCase> Tunnels => TunnelCase.All;

    [ParamsSource(nameof(Tunnels))]
    public TunnelCase Tunnel { get; set; } = null!;

    [GlobalSetup]
    public void Setup()
    {
        _buffer = GC.AllocateArray<byte>(Packets * World.Stride, pinned: true);
        switch (Tunnel.Kind)
        {
            case TunnelKind.Vxlan:
                _vxlan = Tunnel.CreateVxlan();
                _overhead = _vxlan.Overhead;
                break;
            case TunnelKind.Gre or TunnelKind.Gretap:
                _gre = Tunnel.CreateGre();
                _overhead = _gre.Overhead;
                break;
            case TunnelKind.IPInIP:
                _ipInIP = Tunnel.CreateIPInIP();
                _overhead = _ipInIP.Overhead;
                break;
            default:
                _udp = Tunnel.CreateUdp();
                _overhead = _udp.Overhead;
                break;
        }

        SplitMix64 random = new(World.Seed);
        for (int i = 0; i < Packets; i++)
        {
            uint hash = (uint)random.Next();
            _fields[i] = new OuterHeaderFields
            {
                Vni = new Vni(42),
                SourcePort = FlowHash.ToSourcePort(hash),
                FlowLabel = FlowHash.ToFlowLabel(hash),
                DontFragment = true,
            };
            Draw(ref random, Inner(i));
        }

        byte[] before = [.. _buffer];
        Encapsulate();
        for (int i = 0; i < Packets; i++)
        {
            ReadOnlySpan<byte> packet = _buffer.AsSpan((i * World.Stride) + World.Headroom - _overhead, _overhead + InnerLength);
            if (!Decapsulator.TryDecapsulate(packet, Tunnel.Kind, Tunnel.Port, Options, out Decapsulated inner, out DropReason reason))
            {
                throw new InvalidOperationException($"{Tunnel}: packet {i} was not taken apart: {reason}.");
            }

            if (!inner.Payload.SequenceEqual(before.AsSpan((i * World.Stride) + World.Headroom, InnerLength)))
            {
                throw new InvalidOperationException($"{Tunnel}: packet {i} came out as another one.");
            }
        }
    }

    [Benchmark(OperationsPerInvoke = PacketsPerCall)]
    public int Encapsulate()
    {
        // The kind is asked for once a call: a tunnel has one encapsulator.
        return _vxlan is not null ? Encapsulate(_vxlan)
            : _gre is not null ? Encapsulate(_gre)
            : _ipInIP is not null ? Encapsulate(_ipInIP)
            : Encapsulate(_udp!);
    }

    [Benchmark(OperationsPerInvoke = PacketsPerCall)]
    public int Decapsulate()
    {
        TunnelKind kind = Tunnel.Kind;
        ushort port = Tunnel.Port;
        int start = World.Headroom - _overhead;
        int length = _overhead + InnerLength;
        int total = 0;
        for (int round = 0; round < PacketsPerCall / Packets; round++)
        {
            for (ReadOnlySpan<byte> rest = _buffer; rest.Length >= World.Stride; rest = rest[World.Stride..])
            {
                if (!Decapsulator.TryDecapsulate(rest.Slice(start, length), kind, port, Options, out Decapsulated inner, out _))
                {
                    return -1;
                }

                total += inner.Payload.Length;
            }
        }

        return total;
    }

    private Span<byte> Inner(int index) => _buffer.AsSpan((index * World.Stride) + World.Headroom, InnerLength);

    private int Encapsulate(VxlanEncapsulator encapsulator)
    {
        int overhead = _overhead;
        OuterHeaderFields[] fields = _fields;
        for (int round = 0; round < PacketsPerCall / Packets; round++)
        {
            Span<byte> rest = _buffer;
            foreach (ref readonly OuterHeaderFields packet in fields.AsSpan())
            {
                encapsulator.WriteOuter(rest.Slice(World.Headroom - overhead, overhead + InnerLength), InnerLength, packet.Vni, packet.SourcePort);
                rest = rest[World.Stride..];
            }
        }

        return overhead;
    }

    private int Encapsulate(UdpEncapsulator encapsulator)
    {
        int overhead = _overhead;
        OuterHeaderFields[] fields = _fields;
        for (int round = 0; round < PacketsPerCall / Packets; round++)
        {
            Span<byte> rest = _buffer;
            foreach (ref readonly OuterHeaderFields packet in fields.AsSpan())
            {
                encapsulator.WriteOuter(rest.Slice(World.Headroom - overhead, overhead + InnerLength), InnerLength, packet);
                rest = rest[World.Stride..];
            }
        }

        return overhead;
    }

    private int Encapsulate(GreEncapsulator encapsulator)
    {
        int overhead = _overhead;
        OuterHeaderFields[] fields = _fields;
        for (int round = 0; round < PacketsPerCall / Packets; round++)
        {
            Span<byte> rest = _buffer;
            foreach (ref readonly OuterHeaderFields packet in fields.AsSpan())
            {
                encapsulator.WriteOuter(rest.Slice(World.Headroom - overhead, overhead + InnerLength), InnerLength, packet);
                rest = rest[World.Stride..];
            }
        }

        return overhead;
    }

    private int Encapsulate(IPInIPEncapsulator encapsulator)
    {
        int overhead = _overhead;
        OuterHeaderFields[] fields = _fields;
        for (int round = 0; round < PacketsPerCall / Packets; round++)
        {
            Span<byte> rest = _buffer;
            foreach (ref readonly OuterHeaderFields packet in fields.AsSpan())
            {
                encapsulator.WriteOuter(rest.Slice(World.Headroom - overhead, overhead + InnerLength), InnerLength, packet);
                rest = rest[World.Stride..];
            }
        }

        return overhead;
    }

    private void Draw(ref SplitMix64 random, Span<byte> inner)
    {
        foreach (ref byte value in inner)
        {
            value = (byte)random.Next();
        }

        if (Tunnel.IsEthernet)
        {
            BinaryPrimitives.WriteUInt16BigEndian(inner[12..], (ushort)EtherType.IPv4);
            inner = inner[EthernetFrame.MinimumHeaderLength..];
        }

        ValueIPAddress source = ValueIPAddress.Parse(Tunnel.IsInnerIPv6 ? "fd00::1" : "10.0.0.1");
        ValueIPAddress destination = ValueIPAddress.Parse(Tunnel.IsInnerIPv6 ? "fd00::2" : "10.0.0.2");
        bool written = Tunnel.IsInnerIPv6
            ? new IPv6Header(source, destination, IPProtocol.Tcp) { PayloadLength = (ushort)(inner.Length - IPv6Header.Length) }.TryWrite(inner, out _)
            : new IPv4Header(source, destination, IPProtocol.Tcp) { PayloadLength = (ushort)(inner.Length - IPv4Packet.MinimumHeaderLength) }.TryWrite(inner, out _);
        if (!written)
        {
            throw new InvalidOperationException($"{Tunnel}: no room for the inner header.");
        }
    }
}
