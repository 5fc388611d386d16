using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Overlay.Linux.Interop;
using Xunit;

namespace Overlay.Linux.Tests.Interop;

/// <summary>The sizes the kernel's headers give these structures on 64-bit Linux.</summary>
public sealed class StructLayoutTests
{
    [Fact]
    public void IoVector_has_16_bytes() => Assert.Equal(16, Unsafe.SizeOf<IoVector>());

    [Fact]
    public void PollDescriptor_has_8_bytes() => Assert.Equal(8, Unsafe.SizeOf<PollDescriptor>());

    [Fact]
    public void NetlinkAddress_has_12_bytes() => Assert.Equal(12, Unsafe.SizeOf<NetlinkAddress>());

    [Fact]
    public void TimeSpec_has_16_bytes() => Assert.Equal(16, Unsafe.SizeOf<TimeSpec>());

    [Fact]
    public void InterfaceRequest_has_40_bytes() => Assert.Equal(40, Unsafe.SizeOf<InterfaceRequest>());

    [Fact]
    public void VnetHeader_has_10_bytes() => Assert.Equal(VnetHeader.Length, Unsafe.SizeOf<VnetHeader>());

    [Fact]
    public void UtsName_has_390_bytes() => Assert.Equal(390, Unsafe.SizeOf<UtsName>());

    [Fact]
    public void VnetTunnelHeader_has_24_bytes_and_ends_with_its_offsets()
    {
        VnetTunnelHeader header = new() { OuterTransportStart = 0x0201, InnerNetworkStart = 0x0403 };
        header.Basic.ChecksumOffset = 0x0605;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<VnetTunnelHeader>(in header));
        Assert.Equal(24, bytes.Length);
        Assert.Equal(new byte[] { 5, 6 }, bytes[8..10].ToArray());
        Assert.Equal(new byte[] { 1, 2, 3, 4 }, bytes[20..].ToArray());
    }

    [Fact]
    public void Members_lie_where_the_kernel_reads_them()
    {
        InterfaceRequest request = new("vx42") { Value = 0x01020304 };
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<InterfaceRequest>(in request));
        Assert.Equal("vx42\0"u8.ToArray(), bytes[..5].ToArray());
        Assert.Equal(0x01020304, BitConverter.ToInt32(bytes[16..]));

        VnetHeader header = new() { Flags = 1, GsoType = 2, HeaderLength = 0x0403, GsoSize = 0x0605, ChecksumStart = 0x0807, ChecksumOffset = 0x0A09 };
        Assert.Equal(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, MemoryMarshal.AsBytes(new ReadOnlySpan<VnetHeader>(in header)).ToArray());
    }
}
