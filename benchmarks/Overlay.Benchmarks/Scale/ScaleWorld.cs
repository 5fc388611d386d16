using Overlay.Tables;

namespace Overlay.Benchmarks.Scale;

/// <summary>
/// What both sides look up, drawn from the same numbers in the same order as benchmarks/yardsticks/tables.c does: change it here and there, or nowhere.
/// </summary>
internal static class ScaleWorld
{
    public const int Queries = 1 << 20;
    public const int Bulk = 64;
    public const int Hot = 10_000;
    public const int Remotes = 10_000;

    private const int Vnis = 4_096;
    private const ulong ForwardingSeed = 42;
    private const ulong QuerySeed = 43;
    private const ulong Route4Seed = 44;
    private const ulong Route6Seed = 45;

    private static readonly ushort[] FirstOfIPv6 =
    [
        0x2001, 0x2400, 0x2401, 0x2402, 0x2403, 0x2404, 0x2405, 0x2406, 0x2407, 0x2600, 0x2601, 0x2602, 0x2603, 0x2604, 0x2605, 0x2606, 0x2607, 0x2620, 0x2800,
        0x2801, 0x2803, 0x2804, 0x2806, 0x2a00, 0x2a01, 0x2a02, 0x2a03, 0x2a04, 0x2a05, 0x2a06, 0x2a07, 0x2a09, 0x2a0a, 0x2a0b, 0x2a0c, 0x2a0d, 0x2a0e, 0x2a10,
        0x2a12, 0x2c0f,
    ];

    /// <summary>The remote that entry or route number <paramref name="index"/> names.</summary>
    public static ValueIPAddress Remote(int index) => ValueIPAddress.FromIPv4(0x0A00_0001u + (uint)(index % Remotes));

    /// <summary>The keys of the forwarding table.</summary>
    public static ForwardingKey[] Keys(int count)
    {
        SplitMix64 random = new(ForwardingSeed);
        ForwardingKey[] keys = new ForwardingKey[count];
        Span<byte> mac = stackalloc byte[sizeof(ulong)];
        for (int i = 0; i < keys.Length; i++)
        {
            Vni vni = new((uint)(random.Next() % Vnis));
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(mac, (random.Next() & 0xFFFF_FFFF_FFFE) | 2);
            keys[i] = new ForwardingKey(vni, new MacAddress(mac[..MacAddress.Length]));
        }

        return keys;
    }

    /// <summary>Keys to be looked up: any of all, and as many of the first <see cref="Hot"/>.</summary>
    public static (ForwardingKey[] Any, ForwardingKey[] Hot) Asked(ForwardingKey[] keys)
    {
        SplitMix64 random = new(QuerySeed);
        ForwardingKey[] any = new ForwardingKey[Queries];
        ForwardingKey[] hot = new ForwardingKey[Queries];
        for (int i = 0; i < Queries; i++)
        {
            int index = (int)(random.Next() % (ulong)keys.Length);
            any[i] = keys[index];
            hot[i] = keys[index % Hot];
        }

        return (any, hot);
    }

    /// <summary>IPv4 prefixes with the lengths of the public Internet table, roughly. Some are drawn twice.</summary>
    public static (ValueIPAddress Prefix, int Length)[] Routes4(int count)
    {
        SplitMix64 random = new(Route4Seed);
        var routes = new (ValueIPAddress, int)[count];
        for (int i = 0; i < count;)
        {
            int length = LengthOfIPv4((uint)(random.Next() % 100));
            uint prefix = (uint)random.Next() & ~((1u << (32 - length)) - 1);
            if (prefix >> 24 is not 0 and < 224)
            {
                routes[i++] = (ValueIPAddress.FromIPv4(prefix), length);
            }
        }

        return routes;
    }

    /// <summary>IPv4 addresses to be looked up, from all there are.</summary>
    public static uint[] Asked4()
    {
        SplitMix64 random = new(QuerySeed);
        uint[] asked = new uint[Queries];
        for (int i = 0; i < asked.Length; i++)
        {
            asked[i] = (uint)random.Next();
        }

        return asked;
    }

    /// <summary>IPv6 prefixes in what the registries give out, with the lengths of the public Internet table, roughly.</summary>
    public static (ValueIPAddress Prefix, int Length)[] Routes6(int count)
    {
        SplitMix64 random = new(Route6Seed);
        var routes = new (ValueIPAddress, int)[count];
        for (int i = 0; i < count; i++)
        {
            int length = LengthOfIPv6((uint)(random.Next() % 100));
            ulong high = (ulong)FirstOfIPv6[random.Next() % (ulong)FirstOfIPv6.Length] << 48;
            high |= random.Next() & 0xFFFF_FFFF_FFFF & ~((1UL << (64 - length)) - 1);
            routes[i] = (Address6(high, 0), length);
        }

        return routes;
    }

    /// <summary>IPv6 addresses to be looked up, each in one of the prefixes.</summary>
    public static ValueIPAddress[] Asked6((ValueIPAddress Prefix, int Length)[] routes)
    {
        SplitMix64 random = new(QuerySeed);
        ValueIPAddress[] asked = new ValueIPAddress[Queries];
        Span<byte> bytes = stackalloc byte[ValueIPAddress.IPv6Length];
        for (int i = 0; i < asked.Length; i++)
        {
            (ValueIPAddress prefix, int length) = routes[random.Next() % (ulong)routes.Length];
            prefix.TryWriteBytes(bytes, out _);
            ulong rest = random.Next() & ((1UL << (64 - length)) - 1);
            asked[i] = Address6(System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes) | rest, random.Next());
        }

        return asked;
    }

    private static ValueIPAddress Address6(ulong high, ulong low)
    {
        Span<byte> bytes = stackalloc byte[ValueIPAddress.IPv6Length];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes, high);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes[sizeof(ulong)..], low);
        return new ValueIPAddress(bytes);
    }

    private static int LengthOfIPv4(uint percent) => percent switch
    {
        < 60 => 24, < 70 => 23, < 82 => 22, < 88 => 21, < 93 => 20, < 97 => 19, < 99 => 18, _ => 16,
    };

    private static int LengthOfIPv6(uint percent) => percent switch
    {
        < 46 => 48, < 62 => 44, < 71 => 40, < 79 => 32, < 84 => 46, < 88 => 36, < 91 => 47, < 94 => 29, < 96 => 42, < 98 => 45, _ => 33,
    };
}
