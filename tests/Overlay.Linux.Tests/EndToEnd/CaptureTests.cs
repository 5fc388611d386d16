using Overlay.Capture;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>What we record, tshark opens: the underlay from a packet socket, and a port whose outer bytes are the kernel's.</summary>
public sealed class CaptureTests
{
    private const int Port = 2000;

    [Fact]
    public void The_underlay_of_a_running_daemon_is_recorded_from_a_packet_socket_and_tshark_reads_the_tunnel()
    {
        Requires.Tool("tshark");
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        string file = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcapng");
        try
        {
            using (OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap()))
            using (UdpApplication ours = new(lab.Us, "10.42.0.1", Port))
            using (UdpApplication theirs = new(lab.Them, "10.42.0.2", Port))
            using (PacketCapture capture = lab.Us.Run(() => PacketCapture.Start(VtepLab.OurDevice, File.Create(file))))
            {
                for (int i = 1; i <= 5; i++)
                {
                    ours.Send([(byte)i], "10.42.0.2", Port);
                    theirs.Take(1);
                    theirs.Send([(byte)(0x10 + i)], "10.42.0.1", Port);
                    ours.Take(1);
                }

                capture.Stop();
                Assert.Equal(0, capture.Dropped);
            }

            string[][] inner = [.. Tshark.Fields(file, "vxlan.vni", "frame.packet_flags_direction", "ip.src", "udp.dstport", "data.data")
                .Where(fields => fields[4].Length > 0)];
            Assert.All(inner, fields => Assert.Equal(("42", "4789|2000"), (fields[0], fields[3])));
            Assert.Equal(["01", "11", "02", "12", "03", "13", "04", "14", "05", "15"], inner.Select(fields => fields[4]));
            Assert.Equal(
                [("0x00000002", "192.0.2.1|10.42.0.1"), ("0x00000001", "192.0.2.2|10.42.0.2")], inner.Take(2).Select(fields => (fields[1], fields[2])));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_tracer_on_a_port_whose_outer_bytes_the_kernel_writes_says_so_in_every_comment()
    {
        const string Note = "outer IP and UDP are written by the kernel and not recorded";
        Requires.Tool("tshark");
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        string file = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcapng");
        try
        {
            using (PcapTracer tracer = new(lab.Bind(), File.Create(file), TimeProvider.System, new PcapTracerOptions { LinkType = LinkType.User0, Note = Note }))
            using (UdpApplication theirs = new(lab.Them, "10.42.0.2", Port))
            {
                lab.Add(VtepLab.Frame(100));
                lab.Add(VtepLab.Frame(3000));
                Assert.Equal(PortResult.Ok, lab.Send(tracer));
                theirs.Send("answer"u8, "10.42.0.1", Port);
                lab.Receive(tracer, 1);
            }

            // User0 means nothing to tshark until it is told: received packets begin with the VXLAN header, those to be sent do not have one yet.
            string output = Tshark.Run("tshark", [
                "-r", file, "-o", "uat:user_dlts:\"User 0 (DLT=147)\",\"\",\"0\",\"\",\"0\",\"\"", "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a",
                "-E", "aggregator=|", "-e", "frame.comment", "-e", "frame.packet_flags_direction", "-e", "frame.len", "-e", "frame.interface_name"]);
            string[][] fields = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];
            Assert.Equal(
                [
                    [Note, "0x00000002", "142", "UDP 192.0.2.1:4789"],
                    [$"{Note}|drop: too-big", "0x00000002", "3042", "UDP 192.0.2.1:4789"],
                    [Note, "0x00000001", "56", "UDP 192.0.2.1:4789"],
                ],
                fields);
            string received = Tshark.Run("tshark", [
                "-r", file, "-o", "uat:user_dlts:\"User 0 (DLT=147)\",\"eth_withoutfcs\",\"8\",\"\",\"0\",\"\"", "-Y", "frame.packet_flags_direction == 1", "-T",
                "fields", "-e", "eth.src", "-e", "ip.src", "-e", "udp.dstport"]);
            Assert.Equal($"{VtepLab.PeerMac}\t10.42.0.2\t2000", received.TrimEnd());
            Assert.Equal(VtepLab.Vxlan(VtepLab.Vni, []), Tshark.Frames(file)[2].Bytes[..8]);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
