using System.Buffers.Binary;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.Benchmarks;

/// <summary>
/// What the yardstick in C works on, drawn from the same numbers in the same order (benchmarks/yardsticks/README.md): 64 remotes, 10 000 MAC addresses
/// and a batch of frames at a stride of 2048 bytes.
/// </summary>
internal sealed class World
{
    public const int Entries = 10_000;
    public const int Remotes = 64;
    public const int Stride = 2048;
    public const int Headroom = 128;
    public const ulong Seed = 42;

    private const int AddressBits = 8;

    public World(int frameLength, int frames, bool outerChecksum)
    {
        FrameLength = frameLength;
        Frames = frames;
        SplitMix64 random = new(Seed);
        AddressOfRemote = DrawRemotes(ref random);
        Macs = new MacAddress[Entries];
        for (int i = 0; i < Entries; i++)
        {
            Macs[i] = DrawMac(ref random);
            Tables.Apply(OverlayUpdate.SetForwarding(Vni, Macs[i], new FdbEntry(AddressOfRemote[i % Remotes])));
        }

        Encapsulators = MakeEncapsulators(outerChecksum);
        Overhead = Encapsulators[0].Overhead;
        Buffer = GC.AllocateArray<byte>(frames * Stride, pinned: true);
        random = new SplitMix64(Seed + 1);
        for (int i = 0; i < frames; i++)
        {
            DrawFrame(ref random, Frame(i));
        }
    }

    public Vni Vni { get; } = new(42);

    public ValueIPAddress OwnAddress { get; } = ValueIPAddress.FromIPv4(0xC000_0201);

    public OverlayTables Tables { get; } = new();

    public ValueIPAddress[] AddressOfRemote { get; }

    public MacAddress[] Macs { get; }

    /// <summary>By the index of a remote in the forwarding table, as the data path keeps them.</summary>
    public VxlanEncapsulator[] Encapsulators { get; }

    public byte[] Buffer { get; }

    public int FrameLength { get; }

    public int Frames { get; }

    public int Overhead { get; }

    public Span<byte> Frame(int index) => Buffer.AsSpan((index * Stride) + Headroom, FrameLength);

    /// <summary>The frame with its outer headers in front.</summary>
    public Span<byte> Packet(int index) => Buffer.AsSpan((index * Stride) + Headroom - Overhead, Overhead + FrameLength);

    /// <summary>What the underlay has for a MAC address of the remote; here both ends have the same.</summary>
    public MacAddress LinkAddressOf(ValueIPAddress remote)
    {
        byte number = (byte)(Array.IndexOf(AddressOfRemote, remote) + 1);
        return new MacAddress([2, number, number, number, number, number]);
    }

    private static ValueIPAddress[] DrawRemotes(ref SplitMix64 random)
    {
        bool[] taken = new bool[1 << AddressBits];
        var remotes = new ValueIPAddress[Remotes];
        for (int i = 0; i < remotes.Length; i++)
        {
            uint address;
            uint slot;
            do
            {
                address = ((uint)random.Next() & 0xFFFF_FF00) | 10;
                slot = (address * 0x9E37_79B1) >> (32 - AddressBits);
            }
            while (taken[slot]);
            taken[slot] = true;
            remotes[i] = ValueIPAddress.FromIPv4(BinaryPrimitives.ReverseEndianness(address));
        }

        return remotes;
    }

    private static MacAddress DrawMac(ref SplitMix64 random)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (random.Next() & 0xFFFF_FFFF_FFFE) | 2);
        return new MacAddress(bytes[..MacAddress.Length]);
    }

    private VxlanEncapsulator[] MakeEncapsulators(bool outerChecksum)
    {
        var encapsulators = new VxlanEncapsulator[Tables.Forwarding.RemoteCapacity];
        for (int i = 0; i < encapsulators.Length; i++)
        {
            ValueIPAddress remote = Tables.Forwarding.GetRemote(i).Address;
            MacAddress mac = LinkAddressOf(remote);
            // The header that the remote writes, not the one written to it: so what was put in can be taken out again.
            encapsulators[i] = new VxlanEncapsulator(remote, OwnAddress, new VxlanEncapsulatorOptions
            {
                OuterChecksum = outerChecksum,
                LinkHeader = new EthernetHeader(mac, mac, EtherType.IPv4),
            });
        }

        return encapsulators;
    }

    private void DrawFrame(ref SplitMix64 random, Span<byte> frame)
    {
        for (int j = 0; j < frame.Length; j++)
        {
            frame[j] = (byte)random.Next();
        }

        Macs[random.Next() % Entries].TryWriteBytes(frame);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], (ushort)EtherType.IPv4);
        Span<byte> ip = frame[EthernetFrame.MinimumHeaderLength..];
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
        BinaryPrimitives.WriteUInt16BigEndian(ip[6..], 0x4000);
        ip[9] = (byte)IPProtocol.Tcp;
        ip[32] = 0x50;
    }
}
