using Overlay.Capture;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Capture;

public sealed class TraceRingTests
{
    private const int RingLength = 1024;

    /// <summary>Against a plain queue: records come out as they went in, and one is refused only where its bytes do not fit.</summary>
    [Fact]
    public void Records_come_out_as_they_went_in_whatever_their_lengths()
    {
        Random random = new(5);
        TraceRing ring = new(RingLength);
        Queue<byte[]> model = new();
        int refused = 0;
        for (int i = 0; i < 20_000; i++)
        {
            if (random.Next(5) < 3)
            {
                byte[] record = PacketBuilder.Payload(random.Next(0, 300), i);
                // With its length, and rounded up to eight bytes.
                int waiting = model.Sum(other => (other.Length + 4 + 7) & ~7);
                if (ring.TryReserve(record.Length, out Span<byte> room))
                {
                    Assert.Equal(record.Length, room.Length);
                    record.CopyTo(room);
                    ring.Commit();
                    model.Enqueue(record);
                }
                else
                {
                    // At the end of the ring as much may be left over as a record has: of this one, and of one that waits.
                    Assert.True(waiting + (2 * (record.Length + 12)) + 312 > RingLength, $"{waiting} of {RingLength} bytes wait, and {record.Length} were refused");
                    refused++;
                }
            }
            else if (ring.TryPeek(out ReadOnlySpan<byte> oldest))
            {
                Assert.Equal(model.Dequeue(), oldest.ToArray());
                ring.Release();
            }
            else
            {
                Assert.Empty(model);
            }
        }

        Assert.True(refused > 100, $"{refused} refused");
    }

    [Fact]
    public void A_record_that_is_not_committed_is_none()
    {
        TraceRing ring = new(RingLength);
        Assert.True(ring.TryReserve(10, out _));
        Assert.False(ring.TryPeek(out _));
        Assert.True(ring.TryReserve(3, out Span<byte> room));
        room.Fill(7);
        ring.Commit();
        Assert.True(ring.TryPeek(out ReadOnlySpan<byte> record));
        Assert.Equal([7, 7, 7], record.ToArray());
    }

    [Fact]
    public void What_is_larger_than_the_ring_never_fits()
    {
        TraceRing ring = new(RingLength);
        Assert.False(ring.TryReserve(RingLength, out _));
        Assert.True(ring.TryReserve(RingLength - 8, out _));
        ring.Commit();
        Assert.False(ring.TryReserve(0, out _));
    }

    [Fact]
    public async Task Two_threads_lose_nothing_and_see_no_half_record()
    {
        const int Records = 200_000;
        TraceRing ring = new(RingLength);
        Task writer = Task.Run(
            () =>
            {
                for (int i = 0; i < Records; i++)
                {
                    int length = 4 + (i % 90);
                    Span<byte> room;
                    while (!ring.TryReserve(length, out room))
                    {
                        Thread.Yield();
                    }

                    room.Fill((byte)i);
                    BitConverter.TryWriteBytes(room, i);
                    ring.Commit();
                }
            },
            TestContext.Current.CancellationToken);
        for (int i = 0; i < Records;)
        {
            if (!ring.TryPeek(out ReadOnlySpan<byte> record))
            {
                Thread.Yield();
                continue;
            }

            Assert.Equal((i, 4 + (i % 90)), (BitConverter.ToInt32(record), record.Length));
            Assert.False(record[4..].ContainsAnyExcept((byte)i));
            ring.Release();
            i++;
        }

        await writer;
    }

    [Fact]
    public void Noting_allocates_nothing()
    {
        TraceRing ring = new(RingLength);
        Allocations.Zero(() =>
        {
            _ = ring.TryReserve(40, out _);
            ring.Commit();
            _ = ring.TryPeek(out _);
            ring.Release();
        });
    }
}
