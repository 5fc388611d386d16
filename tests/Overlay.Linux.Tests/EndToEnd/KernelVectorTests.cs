using System.Buffers.Binary;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>The frames of tests/vectors/kernel-vxlan.json once more: by the kernel of this machine, and by overlayd, which must give the same answer.</summary>
public sealed class KernelVectorTests
{
    private const string ZeroChecksumAccepted = "v6 underlay zero csum with udp6zerocsumrx";
    private const string UnknownSource = "unknown source VTEP 10.0.0.77";
    private const string Inherit = "\"dscp\": \"inherit\", \"ecn\": \"rfc3168\"";

    /// <summary>Where overlayd answers otherwise than Linux, and why. Nothing else is allowed to differ.</summary>
    private static readonly Dictionary<string, string> AllowedDifferences = new()
    {
        [UnknownSource] = "policy remotes: known. Linux takes packets from anybody and even learns the sender; here only a configured remote is heard",
    };

    /// <summary>What counts a frame that is not delivered: a label of overlayd, or a counter of the stack where that drops it before overlayd sees it.</summary>
    private static readonly Dictionary<string, string> Counters = new()
    {
        ["I flag clear"] = "bad-flags",
        ["unknown VNI 101"] = "unknown-vni",
        ["VNI 200 (v6 device) arriving over IPv4"] = "unknown-vni",
        ["udp csum 0xDEAD wrong"] = "Udp.InCsumErrors",
        ["outer ip csum wrong"] = "Ip.InHdrErrors",
        [UnknownSource] = "unknown-remote",
        ["short: udp payload 0"] = "truncated",
        ["short: 7 bytes of vxlan header"] = "truncated",
        ["port 8472"] = "Udp.NoPorts",
        ["ECN decap v4 inner=0 outer=3"] = "ecn-invalid",
        ["ECN decap v6 inner=0 outer=3"] = "ecn-invalid",
        ["v6 underlay zero csum (default)"] = "Udp6InCsumErrors",
        ["v6 underlay bad csum"] = "Udp6InCsumErrors",
    };

    [Fact]
    public void The_kernel_of_this_machine_still_answers_so()
    {
        using VectorLab lab = VectorLab.WithKernel();
        foreach (DecapsulationRow row in KernelVectors.Instance.Decap.Where(row => row.Name != ZeroChecksumAccepted))
        {
            AssertVerdict(lab, row, row.Delivered == 1);
        }

        using VectorLab tolerant = VectorLab.WithKernel("udp6zerocsumrx");
        AssertVerdict(tolerant, Row(ZeroChecksumAccepted), delivered: true);
    }

    [Fact]
    public void Overlayd_delivers_what_the_kernel_delivers_and_counts_the_rest_by_reason()
    {
        using VectorLab lab = VectorLab.WithOverlay("\"remotes\": \"known\"");
        OverlayDaemon daemon = lab.Daemon!;
        Dictionary<string, long> expected = [];
        foreach (DecapsulationRow row in KernelVectors.Instance.Decap.Where(row => row.Name != ZeroChecksumAccepted))
        {
            bool delivered = row.Delivered == 1 && !AllowedDifferences.ContainsKey(row.Name);
            string? counter = delivered ? null : CounterOf(row);
            bool kernels = counter is not null && char.IsUpper(counter[0]);
            long before = kernels ? Books.Kernel(lab.Vtep, counter!) : 0;
            AssertVerdict(lab, row, delivered);
            if (kernels)
            {
                Wait.Until(() => Books.Kernel(lab.Vtep, counter!) == before + 1, () => $"{row.Name}: {counter} is {Books.Kernel(lab.Vtep, counter!)}");
            }
            else if (counter is not null)
            {
                expected[counter] = expected.GetValueOrDefault(counter) + 1;
            }

            // The right reason went up by one, and no other.
            Wait.Until(
                () => Books.IngressDrops(daemon.Query()).OrderBy(d => d.Key).SequenceEqual(expected.OrderBy(d => d.Key)),
                () => $"{row.Name}: {string.Join(", ", Books.IngressDrops(daemon.Query()))} instead of {string.Join(", ", expected)}");
        }

        Assert.Equal(7, expected.Count);
        Books.AssertBalanced(Books.Settled(daemon));
    }

    [Fact]
    public void With_remotes_any_and_zero_checksums_accepted_nothing_differs()
    {
        using VectorLab lab = VectorLab.WithOverlay("\"remotes\": \"any\"", ", \"zeroChecksumIpv6\": \"accept\"");
        foreach (string name in new[] { "base", UnknownSource, "unknown VNI 101", ZeroChecksumAccepted })
        {
            DecapsulationRow row = Row(name);
            AssertVerdict(lab, row, row.Delivered == 1);
        }
    }

    [Fact]
    public void Reserved_bits_pass_where_the_policy_says_so()
    {
        using VectorLab lab = VectorLab.WithOverlay("\"reservedBits\": \"ignore\"");
        DecapsulationRow[] rows = [.. KernelVectors.Instance.Decap.Where(row => row.Name.StartsWith("reserved bit", StringComparison.Ordinal))];
        Assert.Equal(6, rows.Length);
        foreach (DecapsulationRow row in rows)
        {
            AssertVerdict(lab, row, delivered: true);
        }
    }

    [Fact]
    public void The_kernel_of_this_machine_still_encapsulates_so()
    {
        using VectorLab lab = VectorLab.WithKernel();
        AssertEncapsulation(lab, row => row.Tos, sourcePorts: (1, 65_535));
    }

    [Fact]
    public void Overlayd_encapsulates_as_the_kernel_does()
    {
        using VectorLab lab = VectorLab.WithOverlay(Inherit);
        AssertEncapsulation(lab, row => row.Tos, sourcePorts: (49_152, 65_535));

        // What no packet of the link can hold: the kernel refuses the sender; behind a TAP only a counter can say so.
        lab.Vtep.Ip("link", "set", "vx0", "mtu", "2000");
        byte[] frame = PacketBuilder.Ethernet(
            MacAddress.Parse("02:00:00:00:00:01"), MacAddress.Parse("02:00:00:00:00:99"), (EtherType)0x88B6, PacketBuilder.Payload(1600));
        Assert.Equal(Errno.None, lab.Device("vx0").Send(frame));
        Wait.Until(
            () => OverlayDaemon.Counter(lab.Daemon!.Query(), "vx0", "egress", "drops.too-big") == 1,
            () => $"not too big: {lab.Daemon!.Query()}");
        // The next one is the next on the wire: nothing of the large one left, in one piece or several.
        EncapsulationRow row = KernelVectors.Instance.Encap[0];
        Assert.Equal(Errno.None, lab.Device("vx0").Send(Convert.FromHexString(row.Sent!)));
        Assert.Equal(row.Sent, Convert.ToHexStringLower(NextVxlan(lab)[50..]));
        Assert.Equal(0, VtepLab.Snmp(lab.Vtep, "Ip", "FragCreates"));
        JsonElement status = Books.Settled(lab.Daemon!);
        Books.AssertBalanced(status);
        Assert.Equal(1, OverlayDaemon.Drops(status, "vx0", "egress"));
    }

    [Fact]
    public void Rfc6040_keeps_the_congestion_mark_that_linux_takes_away()
    {
        // RFC 6040 §4.1, normal mode: ECN is copied; RFC 3168 and Linux turn CE into ECT(0).
        using VectorLab lab = VectorLab.WithOverlay("\"dscp\": \"inherit\", \"ecn\": \"rfc6040\"");
        int marked = 0;
        AssertEncapsulation(
            lab,
            row =>
            {
                bool congested = row.Name.Contains("ECN=3", StringComparison.Ordinal);
                marked += congested ? 1 : 0;
                return congested ? 3 : row.Tos;
            },
            sourcePorts: (49_152, 65_535));
        Assert.Equal(2, marked);
    }

    private static DecapsulationRow Row(string name) => KernelVectors.Instance.Decap.Single(row => row.Name == name);

    private static string CounterOf(DecapsulationRow row) =>
        Counters.TryGetValue(row.Name, out string? counter) ? counter
        : row.Name.StartsWith("reserved bit", StringComparison.Ordinal) ? "reserved-bits"
        : row.Name.StartsWith("short: ", StringComparison.Ordinal) ? "inner-truncated"
        : throw new InvalidOperationException($"Nothing says what counts '{row.Name}'.");

    private static void AssertVerdict(VectorLab lab, DecapsulationRow row, bool delivered)
    {
        Dictionary<string, List<byte[]>> outcome = lab.Inject(row.Frame);
        string other = row.Dev == "vx0" ? "vx6" : "vx0";
        Assert.True(outcome[other].Count == 0, $"{row.Name}: came out of {other}");
        Assert.True(outcome[row.Dev].Count == (delivered ? 1 : 0), $"{row.Name}: {outcome[row.Dev].Count} frames instead of {(delivered ? 1 : 0)}");
        if (!delivered)
        {
            return;
        }

        byte[] frame = outcome[row.Dev][0];
        byte[] expected = row.Expected();
        Assert.True(row.InnerLen is not int length || length == expected.Length, $"{row.Name}: the vector contradicts itself");
        Assert.True(frame.AsSpan().SequenceEqual(expected), $"{row.Name}: {Convert.ToHexStringLower(frame)} instead of {Convert.ToHexStringLower(expected)}");
    }

    private static void AssertEncapsulation(VectorLab lab, Func<EncapsulationRow, int> tos, (int Low, int High) sourcePorts)
    {
        int refused = 0;
        foreach (EncapsulationRow row in KernelVectors.Instance.Encap)
        {
            if (row.Sent is null)
            {
                refused++;
                Assert.Equal("[Errno 90] Message too long", row.Err);
                Assert.Equal(Errno.EMSGSIZE, lab.Device("vx0").Send(new byte[1614]));
                continue;
            }

            byte[] sent = Convert.FromHexString(row.Sent);
            Assert.Equal(Errno.None, lab.Device("vx0").Send(sent));
            byte[] frame = NextVxlan(lab);
            ReadOnlySpan<byte> ip = frame.AsSpan(14);
            Assert.Equal(0x45, ip[0]);
            int expected = tos(row);
            Assert.True(ip[1] == expected, $"{row.Name}: outer TOS {ip[1]} instead of {expected}");
            Assert.Equal(sent.Length + 36, BinaryPrimitives.ReadUInt16BigEndian(ip[2..]));
            // Neither DF, as Linux has it, nor ever a fragment.
            Assert.Equal((false, 0), (row.Df, BinaryPrimitives.ReadUInt16BigEndian(ip[6..])));
            Assert.Equal((row.Ttl, IPProtocol.Udp), (ip[8], (IPProtocol)ip[9]));
            Assert.Equal(0, PacketBuilder.Checksum(ip[..20], 0));
            Assert.True(PacketBuilder.IsTransportChecksumValid(ip), row.Name);
            Assert.InRange(BinaryPrimitives.ReadUInt16BigEndian(ip[20..]), sourcePorts.Low, sourcePorts.High);
            Assert.Equal(row.Dport, BinaryPrimitives.ReadUInt16BigEndian(ip[22..]));
            Assert.NotEqual(0, BinaryPrimitives.ReadUInt16BigEndian(ip[26..]));
            Assert.Equal(row.Vx, Convert.ToHexStringLower(ip[28..36]));
            Assert.Equal(row.Sent, Convert.ToHexStringLower(ip[36..]));
        }

        Assert.Equal((12, 1), (KernelVectors.Instance.Encap.Length, refused));
    }

    /// <summary>The next frame of vx0 that reaches the host: one for each that was sent, so that one too many is seen in the next row.</summary>
    private static byte[] NextVxlan(VectorLab lab)
    {
        while (true)
        {
            byte[] frame = lab.Link.Receive() ?? throw new TimeoutException("Nothing reached the host.");
            if (BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(12)) == (ushort)EtherType.IPv4 && frame[23] == (byte)IPProtocol.Udp)
            {
                return frame;
            }
        }
    }
}
