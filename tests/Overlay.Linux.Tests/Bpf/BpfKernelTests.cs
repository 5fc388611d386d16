using System.Net;
using System.Net.Sockets;
using Overlay.Linux.Bpf;
using Overlay.Linux.Interop;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.Bpf;

/// <summary>The kernel is the judge of programs and links.</summary>
public sealed unsafe class BpfKernelTests
{
    private const string License = "Dual MIT/GPL";

    [Fact]
    public void Structures_have_the_sizes_of_the_system_headers()
    {
        BpfCalls.ProgramLoad load = default;
        BpfCalls.LinkCreate link = default;
        Assert.Equal(72, sizeof(BpfCalls.ProgramLoad));
        Assert.Equal(48, (byte*)&load.Name - (byte*)&load);
        Assert.Equal(32, sizeof(BpfCalls.LinkCreate));
        Assert.Equal(8, (byte*)&link.AttachType - (byte*)&link);
    }

    [Fact]
    public void An_attached_program_drops_what_comes_in_and_a_disposed_link_no_more()
    {
        using Netns us = Netns.Create("ovbpf");
        using Netns them = Netns.Create("ovbpf");
        Netns.Connect(us, "va", "192.0.2.1/24", them, "vb", "192.0.2.2/24");
        using Socket receiver = us.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        receiver.Bind(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 5000));
        using Socket sender = them.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        sender.Connect(IPAddress.Parse("192.0.2.1"), 5000);
        sender.Send("before"u8);
        Assert.Equal("before", Receive(receiver));

        int index = us.Run(() => RouteIndex("va"));
        using (BpfProgram program = BpfProgram.Load("overlay_test", DropIPv4().Build(), License))
        using (us.Run(() => TcxLink.AttachIngress(program, index)))
        {
            sender.Send("dropped"u8);
            // Dropped on this CPU before send came back: veth delivers within the call or the soft interrupt behind it.
            Assert.False(receiver.Poll(200_000, SelectMode.SelectRead));
        }

        sender.Send("after"u8);
        Assert.Equal("after", Receive(receiver));
    }

    [Fact]
    public void A_link_holds_its_program()
    {
        using Netns us = Netns.Create("ovbpf");
        TcxLink link = us.Run(() =>
        {
            using BpfProgram program = BpfProgram.Load("overlay_test", DropIPv4().Build(), License);
            return TcxLink.AttachIngress(program, RouteIndex("lo"));
        });
        us.Ip("address", "add", "192.0.2.1/32", "dev", "lo");
        CommandResult dead = us.TryExec(TimeSpan.FromSeconds(10), "ping", "-c", "1", "-W", "1", "192.0.2.1");
        Assert.NotEqual(0, dead.ExitCode);
        link.Dispose();
        us.Exec("ping", "-c", "1", "-W", "2", "192.0.2.1");
    }

    [Fact]
    public void The_words_of_the_verifier_are_in_the_message()
    {
        Requires.Root();
        ulong[] program = new BpfAssembler().Move(BpfRegister.R0, BpfRegister.R5).Exit().Build();
        LinuxException refused = Assert.Throws<LinuxException>(() => BpfProgram.Load("overlay_test", program, License));
        Assert.Equal("BPF_PROG_LOAD", refused.Call);
        Assert.Equal(Errno.EACCES, refused.Errno);
        Assert.Contains("R5 !read_ok", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_capabilities_the_message_names_them()
    {
        using Netns us = Netns.Create("ovbpf");
        LinuxException? refused = null;
        us.Run(() => Privileges.RunWithoutAny(() =>
            refused = Assert.Throws<LinuxException>(() => BpfProgram.Load("overlay_test", DropIPv4().Build(), License))));
        Assert.Equal(Errno.EPERM, refused!.Errno);
        Assert.Contains("CAP_BPF", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_program_is_attached_to_no_interface()
    {
        using Netns us = Netns.Create("ovbpf");
        using BpfProgram program = BpfProgram.Load("overlay_test", DropIPv4().Build(), License);
        LinuxException refused = Assert.Throws<LinuxException>(() => us.Run(() => TcxLink.AttachIngress(program, 4711)));
        Assert.Equal(Errno.ENODEV, refused.Errno);
        Assert.Contains("4711", refused.Message, StringComparison.Ordinal);
    }

    private static string Receive(Socket socket)
    {
        Assert.True(socket.Poll(2_000_000, SelectMode.SelectRead), "Nothing came within 2 s.");
        byte[] buffer = new byte[100];
        return System.Text.Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
    }

    private static int RouteIndex(string name)
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        return netlink.GetLink(name).Index;
    }

    // Drops IPv4 by its EtherType and lets ARP pass.
    private static BpfAssembler DropIPv4()
    {
        BpfAssembler assembler = new();
        BpfLabel pass = assembler.NewLabel();
        return assembler
            .Load(BpfSize.Word, BpfRegister.R2, BpfRegister.R1, SkbContext.Data)
            .Load(BpfSize.Word, BpfRegister.R3, BpfRegister.R1, SkbContext.DataEnd)
            .Move(BpfRegister.R4, BpfRegister.R2)
            .Alu(BpfAlu.Add, BpfRegister.R4, 14)
            .Jump(BpfCondition.Greater, BpfRegister.R4, BpfRegister.R3, pass)
            .Load(BpfSize.HalfWord, BpfRegister.R4, BpfRegister.R2, 12)
            .SwapBigEndian(BpfRegister.R4, 16)
            .Jump(BpfCondition.NotEqual, BpfRegister.R4, 0x0800, pass)
            .Move(BpfRegister.R0, SkbContext.ActShot)
            .Exit()
            .Mark(pass)
            .Move(BpfRegister.R0, SkbContext.ActOk)
            .Exit();
    }
}
