using Overlay.DataPath;
using Xunit;

namespace Overlay.Tests.DataPath;

public sealed class PacketBatchTests
{
    private readonly PacketBatch _batch = new(capacity: 4, slabLength: 200_000, headroom: 128);

    [Fact]
    public void A_reservation_becomes_a_packet_with_headroom_and_a_cleared_meta()
    {
        Assert.True(_batch.TryReserve(100, out Span<byte> room));
        Assert.Equal(100, room.Length);
        room.Fill(7);
        int index = _batch.Commit(60);

        Assert.Equal(0, index);
        Assert.Equal(1, _batch.Count);
        Assert.Equal(60, _batch.Length(0));
        Assert.True(_batch.Data(0).IndexOfAnyExcept((byte)7) < 0);
        Assert.True(_batch.AvailableHeadroom(0) >= 128);
        Assert.Equal(-1, _batch.Meta(0).Output);
        Assert.Equal(-1, _batch.Meta(0).Tunnel);
    }

    [Fact]
    public void Packets_never_overlap_each_other_or_their_headrooms()
    {
        Append(Enumerable.Repeat((byte)1, 65).ToArray());
        Append(Enumerable.Repeat((byte)2, 1).ToArray());
        Append(Enumerable.Repeat((byte)3, 500).ToArray());
        for (int i = 0; i < 3; i++)
        {
            _batch.Prepend(i, 128).Fill(0xEE);
            _batch.TrimStart(i, 128);
        }

        for (int i = 0; i < 3; i++)
        {
            Assert.True(_batch.Data(i).IndexOfAnyExcept((byte)(i + 1)) < 0);
        }
    }

    [Fact]
    public void Parts_of_one_reservation_become_packets_in_any_order_and_what_follows_lies_behind_all_of_them()
    {
        int room = _batch.Room;
        Assert.True(_batch.TryReserve(3000, out Span<byte> space));
        space[..1000].Fill(1);
        space[2000..].Fill(2);
        Assert.Equal(0, _batch.Commit(2000, 900));
        Assert.Equal(1, _batch.Commit(0, 1000));
        Assert.Equal((900, 1000), (_batch.Length(0), _batch.Length(1)));
        Assert.Equal((-1, -1), (_batch.Meta(1).Output, _batch.Meta(1).Tunnel));
        // 3000 bytes less 100 that no part took, rounded up, and the headroom.
        Assert.Equal(room - 2944 - 128, _batch.Room);

        Append(Enumerable.Repeat((byte)3, 100).ToArray());
        _batch.Prepend(2, 128).Fill(0xEE);
        Assert.True(_batch.Data(0).IndexOfAnyExcept((byte)2) < 0);
        Assert.True(_batch.Data(1).IndexOfAnyExcept((byte)1) < 0);
    }

    [Fact]
    public void A_part_lies_within_the_slab_and_needs_a_reservation_and_a_descriptor()
    {
        Assert.Throws<InvalidOperationException>(() => _batch.Commit(0, 1));
        Assert.True(_batch.TryReserve(100, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => _batch.Commit(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _batch.Commit(0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _batch.Commit(int.MaxValue, 200_000));
        Assert.Throws<ArgumentOutOfRangeException>(() => _batch.Commit(0, 200_000 - 127));
        for (int i = 0; i < 4; i++)
        {
            _batch.Commit(i * 10, 10);
        }

        Assert.Throws<InvalidOperationException>(() => _batch.Commit(50, 1));
        Assert.Equal(0, _batch.Room);
        Assert.Equal(4, _batch.Count);
    }

    [Fact]
    public void A_full_batch_says_so_and_loses_nothing()
    {
        for (int i = 0; i < 4; i++)
        {
            Append([(byte)i]);
        }

        Assert.False(_batch.TryReserve(1, out _));
        Assert.False(_batch.TryAppend([9], out int index));
        Assert.Equal(-1, index);
        Assert.Equal(-1, _batch.Share(0));
        Assert.Equal(4, _batch.Count);
    }

    [Fact]
    public void The_slab_is_a_limit_too()
    {
        Append(new byte[PacketBatch.MaxPacketLength]);
        Append(new byte[PacketBatch.MaxPacketLength]);
        Append(new byte[PacketBatch.MaxPacketLength]);
        Assert.False(_batch.HasRoom(PacketBatch.MaxPacketLength));
        Assert.False(_batch.TryReserve(PacketBatch.MaxPacketLength, out _));
        Assert.True(_batch.TryReserve(100, out _));
    }

    [Fact]
    public void Commit_without_reservation_is_refused()
    {
        Assert.Throws<InvalidOperationException>(() => _batch.Commit(1));
        Append([1]);
        Assert.Throws<InvalidOperationException>(() => _batch.Commit(1));
    }

    [Fact]
    public void Prepend_and_trim_move_the_offsets_of_a_superpacket_along()
    {
        Append(new byte[1000]);
        ref PacketMeta meta = ref _batch.Meta(0);
        meta.Segmentation = SegmentationKind.TcpIPv4;
        meta.NetworkStart = 14;
        meta.ChecksumStart = 34;
        meta.HeaderLength = 54;
        meta.SegmentSize = 100;

        _batch.Prepend(0, 50);
        Assert.Equal((64, 84, 104), (_batch.Meta(0).NetworkStart, _batch.Meta(0).ChecksumStart, _batch.Meta(0).HeaderLength));
        Assert.Equal(10, _batch.SegmentCount(0));
        _batch.TrimStart(0, 64);
        Assert.Equal((0, 20, 40), (_batch.Meta(0).NetworkStart, _batch.Meta(0).ChecksumStart, _batch.Meta(0).HeaderLength));
        Assert.Equal(10, _batch.SegmentCount(0));
    }

    [Fact]
    public void Prepend_and_trim_move_the_checksum_of_a_plain_packet_along()
    {
        Append(new byte[100]);
        ref PacketMeta meta = ref _batch.Meta(0);
        meta.Checksum = ChecksumState.Partial;
        meta.NetworkStart = 14;
        meta.ChecksumStart = 34;
        meta.ChecksumOffset = 6;

        _batch.Prepend(0, 8);
        Assert.Equal((22, 42, 6, 0), (_batch.Meta(0).NetworkStart, _batch.Meta(0).ChecksumStart, _batch.Meta(0).ChecksumOffset, _batch.Meta(0).HeaderLength));
    }

    [Fact]
    public void More_headroom_than_there_is_is_refused()
    {
        Append([1, 2, 3]);
        Assert.Throws<InvalidOperationException>(() => _batch.Prepend(0, 129).Length);
        Assert.Equal(3, _batch.Length(0));
    }

    [Fact]
    public void Shared_descriptors_see_the_same_bytes_and_have_their_own_meta()
    {
        Append([1, 2, 3, 4, 5]);
        _batch.Meta(0).Vni = new Vni(7);
        int whole = _batch.Share(0);
        int part = _batch.Share(0, 1, 3);

        _batch.Data(0)[1] = 99;
        Assert.Equal([1, 99, 3, 4, 5], _batch.Data(whole).ToArray());
        Assert.Equal([99, 3, 4], _batch.Data(part).ToArray());
        Assert.Equal(new Vni(7), _batch.Meta(part).Vni);
        _batch.Meta(part).Vni = new Vni(8);
        Assert.Equal(new Vni(7), _batch.Meta(0).Vni);
        Assert.Throws<ArgumentOutOfRangeException>(() => _batch.Share(0, 3, 3));
    }

    [Fact]
    public void Select_names_the_pending_descriptors_of_one_output()
    {
        for (int i = 0; i < 4; i++)
        {
            Append([(byte)i]);
            _batch.Meta(i).Output = i & 1;
        }

        _batch.Drop(1, DropReason.NoRoute);
        Assert.Equal(2, _batch.Select(0));
        Assert.Equal([0, 2], _batch.Selection.ToArray());
        Assert.Equal(1, _batch.Select(1));
        Assert.Equal([3], _batch.Selection.ToArray());
        Assert.Equal((PacketState.Dropped, DropReason.NoRoute), (_batch.Meta(1).State, _batch.Meta(1).Drop));
    }

    [Theory]
    [InlineData(1000, 54, 100, 10)]
    [InlineData(1001, 54, 100, 10)]
    [InlineData(154, 54, 100, 1)]
    [InlineData(155, 54, 100, 2)]
    [InlineData(54, 54, 100, 1)]
    public void Segments_are_counted_by_payload(int length, int headerLength, int segmentSize, int expected)
    {
        Append(new byte[length]);
        ref PacketMeta meta = ref _batch.Meta(0);
        meta.Segmentation = SegmentationKind.Udp;
        meta.HeaderLength = (ushort)headerLength;
        meta.SegmentSize = (ushort)segmentSize;
        Assert.Equal(expected, _batch.SegmentCount(0));
    }

    [Fact]
    public void A_pool_hands_out_cleared_batches_and_the_same_again()
    {
        Microsoft.Extensions.ObjectPool.ObjectPool<PacketBatch> pool = PacketBatchPool.Create(maximumRetained: 2);
        PacketBatch batch = pool.Get();
        Assert.True(batch.TryAppend([1], out _));
        pool.Return(batch);
        PacketBatch again = pool.Get();
        Assert.Same(batch, again);
        Assert.Equal(0, again.Count);
    }

    private void Append(byte[] packet) => Assert.True(_batch.TryAppend(packet, out _));
}
