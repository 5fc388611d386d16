using System.Runtime.CompilerServices;
using Overlay.Linux.Interop;
using Xunit;

namespace Overlay.Linux.Tests.Interop;

/// <summary>The sizes and offsets are those of the C compiler on 64-bit Linux.</summary>
public sealed unsafe class SocketLayoutTests
{
    [Fact]
    public void Structures_have_the_sizes_of_the_system_headers()
    {
        Assert.Equal(56, sizeof(MessageHeader));
        Assert.Equal(64, sizeof(MultiMessageHeader));
        Assert.Equal(8, sizeof(SocketFilter));
        Assert.Equal(16, sizeof(SocketFilterProgram));
        Assert.Equal(16, sizeof(IoVector));
        Assert.Equal(16, sizeof(EpollEvent));
        Assert.Equal(136, sizeof(GroupRequest));
    }

    [Fact]
    public void A_group_lies_where_the_kernel_looks()
    {
        GroupRequest request = GroupRequest.Of(ValueIPAddress.Parse("239.1.2.3"), 7);
        ReadOnlySpan<byte> bytes = new(&request, sizeof(GroupRequest));
        Assert.Equal("07000000" + "00000000" + "02000000" + "EF010203", Convert.ToHexString(bytes[..16]));
        request = GroupRequest.Of(ValueIPAddress.Parse("ff05::4789"), 7);
        bytes = new(&request, sizeof(GroupRequest));
        Assert.Equal("0A000000" + "00000000" + "FF050000000000000000000000004789", Convert.ToHexString(bytes.Slice(8, 24)));
    }

    [Fact]
    public void Fields_of_a_message_header_lie_where_the_kernel_looks()
    {
        MessageHeader header = default;
        byte* start = (byte*)&header;
        Assert.Equal(8, (byte*)&header.NameLength - start);
        Assert.Equal(16, (byte*)&header.Vectors - start);
        Assert.Equal(32, (byte*)&header.Control - start);
        Assert.Equal(48, (byte*)&header.Flags - start);
        MultiMessageHeader multiple = default;
        Assert.Equal(56, (byte*)&multiple.Length - (byte*)&multiple);
    }

    [Theory]
    [InlineData("192.0.2.1", 16)]
    [InlineData("2001:db8::1", 28)]
    public void An_address_is_read_as_it_was_written(string text, int length)
    {
        Span<byte> bytes = stackalloc byte[SocketAddress.MaxLength];
        bytes.Fill(0xA5);
        ValueIPAddress address = ValueIPAddress.Parse(text);
        Assert.Equal(length, SocketAddress.Write(bytes, address, 4789, 0x12345, 7));
        Assert.True(SocketAddress.TryRead(bytes[..length], out ValueIPAddress read, out ushort port));
        Assert.Equal(address, read);
        Assert.Equal(4789, port);
        for (int i = 0; i < length - (length == 28 ? 4 : 0); i++)
        {
            // A scope may be cut off; nothing else may.
            bool whole = i >= (length == 28 ? 24 : 16);
            Assert.Equal(whole, SocketAddress.TryRead(bytes[..i], out _, out _));
        }
    }

    [Fact]
    public void Only_a_link_local_address_gets_a_scope()
    {
        Span<byte> bytes = stackalloc byte[SocketAddress.MaxLength];
        SocketAddress.Write(bytes, ValueIPAddress.Parse("2001:db8::1"), 0, 0, 7);
        Assert.Equal(0, Unsafe.ReadUnaligned<int>(ref bytes[24]));
        SocketAddress.Write(bytes, ValueIPAddress.Parse("fe80::1"), 0, 0, 7);
        Assert.Equal(7, Unsafe.ReadUnaligned<int>(ref bytes[24]));
    }

    [Fact]
    public void Control_messages_are_read_as_they_were_written()
    {
        Span<byte> bytes = stackalloc byte[48];
        ControlMessageWriter writer = new(bytes);
        writer.Add(SocketConstants.IPPROTO_IP, SocketConstants.IP_TOS, 3);
        writer.Add(SocketConstants.IPPROTO_UDP, SocketConstants.UDP_SEGMENT, (ushort)1400);
        // cmsg_len of the last is 18, and the kernel wants the padding too.
        Assert.Equal(48, writer.Length);
        ControlMessageReader reader = new(bytes);
        Assert.True(reader.Next());
        Assert.Equal((SocketConstants.IPPROTO_IP, SocketConstants.IP_TOS, 3), (reader.Level, reader.Type, reader.Integer));
        Assert.True(reader.Next());
        Assert.Equal((SocketConstants.IPPROTO_UDP, SocketConstants.UDP_SEGMENT, 2), (reader.Level, reader.Type, reader.Data.Length));
        Assert.False(reader.Next());
    }

    [Fact]
    public void Any_bytes_end_the_walk_through_control_messages()
    {
        Random random = new(1);
        byte[] bytes = new byte[96];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            // Lengths that are nearly right are the interesting ones.
            BitConverter.TryWriteBytes(bytes, random.NextInt64(0, 110));
            BitConverter.TryWriteBytes(bytes.AsSpan(24), random.NextInt64(0, 110));
            ControlMessageReader reader = new(bytes.AsSpan(0, random.Next(97)));
            int count = 0;
            while (reader.Next())
            {
                count++;
            }

            Assert.InRange(count, 0, 6);
        }
    }
}
