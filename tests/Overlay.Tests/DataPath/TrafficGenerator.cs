using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;

namespace Overlay.Tests.DataPath;

/// <summary>
/// Seeded trains of TCP segments and UDP datagrams with everything between them that may break a train: in one packet, or from one packet on.
/// </summary>
internal sealed class TrafficGenerator(Random random, bool ethernet)
{
    /// <summary>What may be different, by name.</summary>
    public static readonly string[] Differences =
    [
        "shorter", "longer", "empty", "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE", "reserved bit of TCP", "window", "acknowledgment",
        "urgent pointer", "option", "length of the options", "TTL", "DSCP", "ECN", "flow label", "DF", "identification stands still", "identification with a gap",
        "sequence with a gap", "sequence again", "reserved flag of IPv4", "more fragments", "fragment offset", "IP option", "wrong header checksum",
        "wrong transport checksum", "no UDP checksum", "UDP length", "total length", "padding", "MAC", "VLAN", "other protocol", "cut off", "source port",
    ];

    /// <summary>How often each was used.</summary>
    public Dictionary<string, int> Used { get; } = Differences.ToDictionary(name => name, _ => 0);

    /// <summary>Packets of several flows, interleaved in bursts as trains leave them.</summary>
    public List<(byte[] Bytes, PacketMeta Meta)> Traffic(int flows, int packets, double differences)
    {
        Flow[] all = [.. Enumerable.Range(0, flows).Select(number => new Flow(this, number))];
        List<(byte[] Bytes, PacketMeta Meta)> traffic = [];
        while (traffic.Count < packets)
        {
            Flow flow = all[random.Next(flows)];
            for (int burst = random.Next(1, 12); burst > 0 && traffic.Count < packets; burst--)
            {
                traffic.Add(flow.Next(random.NextDouble() < differences));
            }
        }

        return traffic;
    }

    private sealed class Flow
    {
        private readonly TrafficGenerator _owner;
        private readonly Random _random;
        private readonly bool _version4;
        private readonly bool _tcp;
        private readonly ushort _port;
        private readonly int _size;
        private readonly ChecksumState _checksum;
        private readonly ValueIPAddress _source;
        private readonly ValueIPAddress _destination;
        private uint _sequence;
        private ushort _identification;
        private uint _acknowledgment = 7;
        private ushort _window = 500;
        private ushort _urgent;
        private byte _flags = 0x10;
        private byte _reserved;
        private byte[] _options;
        private byte _ttl = 64;
        private byte _trafficClass = 2;
        private uint _label = 0x1_2345;
        private byte _fragment;
        private byte _lastMac = 1;
        private ushort _tag;

        public Flow(TrafficGenerator owner, int number)
        {
            _owner = owner;
            _random = owner.Source;
            _version4 = (number & 1) == 0;
            _tcp = number % 3 != 0;
            _port = (ushort)(5000 + number);
            _size = _random.Next(3) switch { 0 => _random.Next(1, 20), 1 => 1400, _ => _random.Next(20, 700) };
            _checksum = (ChecksumState)(_random.Next(6) switch { 0 => 1, 1 => 2, _ => 0 });
            (_source, _destination) = _version4 ? (CoalescerRig.A4, CoalescerRig.B4) : (CoalescerRig.A6, CoalescerRig.B6);
            _sequence = (uint)_random.NextInt64(1L << 32);
            _identification = (ushort)_random.Next(1 << 16);
            _options = _random.Next(2) == 0 ? [] : [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
            _fragment = (byte)(_random.Next(2) == 0 ? 0x40 : 0);
            _tag = (ushort)(_random.Next(4) == 0 ? 7 : 0);
        }

        public (byte[] Bytes, PacketMeta Meta) Next(bool different)
        {
            string difference = "";
            if (different)
            {
                difference = Differences[_random.Next(Differences.Length)];
                _owner.Used[difference]++;
            }

            // What is different stays so for the rest of the flow, or is gone with the next packet.
            var before = (_acknowledgment, _window, _urgent, _flags, _reserved, _options, _ttl, _trafficClass, _label, _fragment, _lastMac, _tag);
            int payload = difference switch { "shorter" => _random.Next(1, _size + 1), "longer" => _size + _random.Next(1, 10), "empty" => 0, _ => _size };
            ChangeHeaders(difference);
            byte[] packet = Build(difference, payload);
            ChecksumState checksum = _checksum;
            packet = Damage(packet, difference, ref checksum);
            if (_random.Next(2) == 0)
            {
                (_acknowledgment, _window, _urgent, _flags, _reserved, _options, _ttl, _trafficClass, _label, _fragment, _lastMac, _tag) = before;
            }

            _sequence = unchecked(_sequence + (uint)payload);
            _identification++;
            int network = 0;
            if (_owner.Ethernet)
            {
                MacAddress source = MacAddress.Parse($"02:00:00:00:00:{_lastMac:x2}");
                packet = PacketBuilder.Ethernet(
                    CoalescerRig.MacB, source, _version4 ? EtherType.IPv4 : EtherType.IPv6, packet, _tag == 0 ? [] : [((ushort)0x8100, _tag)]);
                network = _tag == 0 ? 14 : 18;
                if (difference == "padding")
                {
                    packet = [.. packet, .. new byte[_random.Next(1, 20)]];
                }
            }

            PacketMeta meta = new() { Output = 0, Tunnel = -1, Checksum = checksum };
            if (checksum == ChecksumState.Partial)
            {
                (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) =
                    ((ushort)network, (ushort)(network + (_version4 ? 20 : 40)), (ushort)(_tcp ? 16 : 6));
            }

            return (packet, meta);
        }

        private void ChangeHeaders(string difference)
        {
            switch (difference)
            {
                case "FIN": _flags ^= 1; break;
                case "SYN": _flags ^= 2; break;
                case "RST": _flags ^= 4; break;
                case "PSH": _flags ^= 8; break;
                case "ACK": _flags ^= 0x10; break;
                case "URG": _flags ^= 0x20; break;
                case "ECE": _flags ^= 0x40; break;
                case "CWR": _flags ^= 0x80; break;
                case "AE": _reserved ^= 1; break;
                case "reserved bit of TCP": _reserved ^= (byte)(_random.Next(2) == 0 ? 2 : 4); break;
                case "window": _window++; break;
                case "acknowledgment": _acknowledgment++; break;
                case "urgent pointer": _urgent++; break;
                case "option" when _options.Length > 0:
                    _options = [.. _options];
                    _options[_random.Next(_options.Length)] ^= 4;
                    break;
                case "length of the options": _options = [.. _options, 1, 1, 1, 0]; break;
                case "TTL": _ttl--; break;
                case "DSCP": _trafficClass ^= 0x40; break;
                case "ECN": _trafficClass ^= 1; break;
                case "flow label": _label ^= 1u << _random.Next(20); break;
                case "DF": _fragment ^= 0x40; break;
                case "reserved flag of IPv4": _fragment ^= 0x80; break;
                case "MAC": _lastMac++; break;
                case "VLAN": _tag = (ushort)(_tag == 0 ? 7 : _tag ^ 0x2000); break;
                case "identification stands still": _identification--; break;
                case "identification with a gap": _identification++; break;
                case "sequence with a gap": _sequence++; break;
                case "sequence again": _sequence = unchecked(_sequence - (uint)_size); break;
            }

            if (_options.Length > 40)
            {
                _options = [];
            }
        }

        private byte[] Build(string difference, int payloadLength)
        {
            byte[] payload = PacketBuilder.Payload(payloadLength, _random.Next());
            ushort port = difference == "source port" ? (ushort)(_port + 100) : _port;
            byte[] packet = _tcp
                ? PacketBuilder.Tcp(_source, _destination, port, 80, _sequence, _flags, payload, _options)
                : PacketBuilder.Udp(_source, _destination, port, 53, payload);
            int transport = _version4 ? 20 : 40;
            if (_version4)
            {
                packet[1] = _trafficClass;
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), _identification);
                packet[6] = _fragment;
                packet[8] = _ttl;
            }
            else
            {
                BinaryPrimitives.WriteUInt32BigEndian(packet, 0x6000_0000 | ((uint)_trafficClass << 20) | _label);
                packet[7] = _ttl;
            }

            if (_tcp)
            {
                BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(transport + 8), _acknowledgment);
                packet[transport + 12] |= _reserved;
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(transport + 14), _window);
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(transport + 18), _urgent);
            }

            return CoalescerRig.Seal(packet);
        }

        // What is wrong with one packet alone. Only a packet that is right may claim that somebody has verified it.
        private byte[] Damage(byte[] packet, string difference, ref ChecksumState checksum)
        {
            int transport = _version4 ? 20 : 40;
            if (checksum == ChecksumState.Partial)
            {
                ushort pseudo = PacketBuilder.PseudoHeader(packet, _tcp ? IPProtocol.Tcp : IPProtocol.Udp, packet.Length - transport);
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(transport + (_tcp ? 16 : 6)), pseudo);
            }

            switch (difference)
            {
                case "more fragments" when _version4:
                    packet[6] |= 0x20;
                    break;
                case "fragment offset" when _version4:
                    packet[7] = 1;
                    break;
                case "IP option":
                    packet = AddOption(packet);
                    break;
                case "wrong header checksum" when _version4:
                    packet[11] ^= 1;
                    return packet;
                case "wrong transport checksum":
                    checksum = ChecksumState.Unverified;
                    packet[_random.Next(transport + (_tcp ? 16 : 6), packet.Length)] ^= (byte)(1 << _random.Next(8));
                    return packet;
                case "no UDP checksum" when !_tcp:
                    packet[transport + 6] = packet[transport + 7] = 0;
                    return packet;
                case "UDP length" when !_tcp:
                    packet[transport + 5]++;
                    break;
                case "total length":
                    packet[_version4 ? 3 : 5]--;
                    break;
                case "other protocol":
                    packet[_version4 ? 9 : 6] = 132;
                    break;
                case "cut off":
                    return packet[.._random.Next(packet.Length)];
                default:
                    return packet;
            }

            if (checksum == ChecksumState.Verified)
            {
                checksum = ChecksumState.Unverified;
            }

            if (_version4)
            {
                packet[10] = packet[11] = 0;
                BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), PacketBuilder.Checksum(packet.AsSpan(0, (packet[0] & 0xF) * 4), 0));
            }

            return packet;
        }

        private byte[] AddOption(byte[] packet)
        {
            byte[] longer = _version4 ? [.. packet[..20], 1, 1, 1, 0, .. packet[20..]] : [.. packet[..40], packet[6], 0, 1, 4, 0, 0, 0, 0, .. packet[40..]];
            if (_version4)
            {
                longer[0] = 0x46;
                BinaryPrimitives.WriteUInt16BigEndian(longer.AsSpan(2), (ushort)longer.Length);
            }
            else
            {
                longer[6] = 60;
                BinaryPrimitives.WriteUInt16BigEndian(longer.AsSpan(4), (ushort)(longer.Length - 40));
            }

            return longer;
        }
    }

    private Random Source => random;

    private bool Ethernet => ethernet;
}
