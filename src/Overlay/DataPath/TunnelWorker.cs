using Microsoft.Extensions.ObjectPool;

namespace Overlay.DataPath;

/// <summary>
/// The loop that serves a set of ports on one thread: receive, decide, send, close the books; run to completion, without a queue between
/// threads. It waits only when no port had anything.
/// </summary>
public sealed class TunnelWorker
{
    /// <summary>How long a full output port may hold the others up before its packets are dropped, in milliseconds.</summary>
    public const int SendPatience = 5;

    private readonly IPortWaiter _waiter;
    private readonly ObjectPool<PacketBatch> _pool;
    private readonly List<IPacketPort> _ports = [];
    private readonly List<IPacketPath?> _paths = [];

    /// <summary>Makes a worker.</summary>
    /// <param name="waiter">Waits and tells the time; the worker does not dispose it.</param>
    /// <param name="pool">Where batches come from.</param>
    public TunnelWorker(IPortWaiter waiter, ObjectPool<PacketBatch> pool)
    {
        ArgumentNullException.ThrowIfNull(waiter);
        ArgumentNullException.ThrowIfNull(pool);
        _waiter = waiter;
        _pool = pool;
    }

    /// <summary>Called on the worker's thread when a port is gone for good; the worker serves the others on.</summary>
    public event Action<IPacketPort>? PortGone;

    /// <summary>Adds a port.</summary>
    /// <returns>Its number: what <see cref="PacketMeta.Output"/> names.</returns>
    public int AddPort(IPacketPort port)
    {
        ArgumentNullException.ThrowIfNull(port);
        _ports.Add(port);
        _paths.Add(null);
        return _ports.Count - 1;
    }

    /// <summary>Says which path packets received from a port take.</summary>
    public void SetPath(int port, IPacketPath path)
    {
        ArgumentNullException.ThrowIfNull(path);
        _paths[port] = path;
    }

    /// <summary>Serves the ports until cancelled or none is left. The calling thread is the worker's.</summary>
    public void Run(CancellationToken cancellationToken)
    {
        PacketBatch batch = _pool.Get();
        PacketBatch scratch = _pool.Get();
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static state => ((IPortWaiter)state!).Wake(), _waiter);
        try
        {
            Loop loop = new(this, batch, scratch);
            loop.Run(cancellationToken);
        }
        finally
        {
            _pool.Return(batch);
            _pool.Return(scratch);
        }
    }

    /// <summary>One run: what the thread carries from turn to turn.</summary>
    private sealed class Loop(TunnelWorker worker, PacketBatch batch, PacketBatch scratch)
    {
        // Ports that are gone leave the array to wait on, never the numbering.
        private readonly IPortWaiter _waiter = worker._waiter;
        private readonly IPacketPort[] _ports = [.. worker._ports];
        private readonly IPacketPath?[] _paths = [.. worker._paths];
        private readonly bool[] _gone = new bool[worker._ports.Count];
        private IPacketPort[] _readable = [.. worker._ports.Where((_, i) => worker._paths[i] is not null)];

        public void Run(CancellationToken cancellationToken)
        {
            while (!cancellationToken.IsCancellationRequested && _readable.Length > 0)
            {
                long now = _waiter.Now;
                bool busy = false;
                for (int i = 0; i < _ports.Length; i++)
                {
                    if (_paths[i] is { } path && !_gone[i])
                    {
                        busy |= Serve(i, path, now);
                    }
                }

                if (busy)
                {
                    _waiter.Yield();
                }
                else if (_readable.Length > 0)
                {
                    _ = _waiter.Wait(_readable, writable: null, Timeout.Infinite);
                }
            }
        }

        private bool Serve(int number, IPacketPath path, long now)
        {
            batch.Clear();
            PortResult result = _ports[number].Receive(batch);
            bool any = batch.Count > 0;
            if (any)
            {
                path.Process(batch, now);
                SendAll();
                path.Complete(batch);
            }

            if (result == PortResult.Gone)
            {
                Leave(number);
            }

            return any;
        }

        private void SendAll()
        {
            for (int i = 0; i < batch.Count; i++)
            {
                ref PacketMeta meta = ref batch.Meta(i);
                if (meta.State != PacketState.Pending)
                {
                    continue;
                }

                if ((uint)meta.Output >= (uint)_ports.Length || _gone[meta.Output])
                {
                    batch.Drop(i, DropReason.PortDown);
                    continue;
                }

                int output = meta.Output;
                CutWhatIsTooMuch(output);
                Send(batch, output);
            }
        }

        private void Send(PacketBatch packets, int output)
        {
            IPacketPort port = _ports[output];
            long deadline = 0;
            while (packets.Select(output) > 0)
            {
                PortResult result = port.Send(packets);
                if (result == PortResult.WouldBlock)
                {
                    long now = _waiter.Now;
                    deadline = deadline == 0 ? now + SendPatience : deadline;
                    if (now < deadline)
                    {
                        _ = _waiter.Wait([], port, (int)(deadline - now));
                        continue;
                    }
                }

                DropPending(packets, result switch
                {
                    PortResult.WouldBlock => DropReason.QueueFull,
                    PortResult.Gone or PortResult.Down => DropReason.PortDown,
                    _ => DropReason.SendFailed,
                });
                if (result == PortResult.Gone)
                {
                    Leave(output);
                }

                return;
            }
        }

        // A port that takes no superpackets gets them in pieces; one that takes no partial checksums gets them completed.
        private void CutWhatIsTooMuch(int output)
        {
            PortCapabilities capabilities = _ports[output].Capabilities;
            PortCapabilities all = PortCapabilities.TcpSuperpackets | PortCapabilities.UdpSuperpackets | PortCapabilities.PartialChecksums;
            if ((capabilities & all) == all)
            {
                return;
            }

            for (int i = 0; i < batch.Count; i++)
            {
                ref PacketMeta meta = ref batch.Meta(i);
                if (meta.Output != output || meta.State != PacketState.Pending)
                {
                    continue;
                }

                PortCapabilities needed = meta.Segmentation switch
                {
                    SegmentationKind.None => PortCapabilities.None,
                    SegmentationKind.Udp => PortCapabilities.UdpSuperpackets,
                    _ => PortCapabilities.TcpSuperpackets,
                };
                if ((capabilities & needed) != needed)
                {
                    SendInPieces(i, output);
                }
                else if (needed == PortCapabilities.None && meta.Checksum == ChecksumState.Partial && (capabilities & PortCapabilities.PartialChecksums) == 0)
                {
                    if (Segmentation.CompleteChecksum(batch.Data(i), meta))
                    {
                        meta.Checksum = ChecksumState.Verified;
                    }
                    else
                    {
                        batch.Drop(i, DropReason.BadLength);
                    }
                }
            }
        }

        private void SendInPieces(int index, int output)
        {
            ref PacketMeta meta = ref batch.Meta(index);
            if (!Segmentation.TryPlan(batch.Data(index), meta, out SegmentPlan plan))
            {
                batch.Drop(index, DropReason.BadLength);
                return;
            }

            int refused = 0;
            DropReason reason = DropReason.None;
            scratch.Clear();
            for (int segment = 0; segment < plan.Count; segment++)
            {
                if (!scratch.TryReserve(plan.MaximumLength, out Span<byte> room))
                {
                    Flush(ref refused, ref reason);
                    _ = scratch.TryReserve(plan.MaximumLength, out room);
                }

                int piece = scratch.Commit(plan.WriteSegment(segment, room));
                ref PacketMeta cut = ref scratch.Meta(piece);
                cut = meta;
                cut.Segmentation = SegmentationKind.None;
                cut.Checksum = ChecksumState.Verified;
                cut.SegmentSize = 0;
                cut.HeaderLength = 0;
            }

            Flush(ref refused, ref reason);
            if (refused == plan.Count)
            {
                batch.Drop(index, reason);
            }
            else
            {
                meta.State = PacketState.Sent;
                meta.Drop = reason;
                meta.RefusedSegments = (ushort)refused;
            }

            void Flush(ref int refused, ref DropReason reason)
            {
                Send(scratch, output);
                for (int i = 0; i < scratch.Count; i++)
                {
                    if (scratch.Meta(i).State == PacketState.Dropped)
                    {
                        refused++;
                        reason = scratch.Meta(i).Drop;
                    }
                }

                scratch.Clear();
            }
        }

        private static void DropPending(PacketBatch packets, DropReason reason)
        {
            foreach (int index in packets.Selection)
            {
                if (packets.Meta(index).State == PacketState.Pending)
                {
                    packets.Drop(index, reason);
                }
            }
        }

        private void Leave(int number)
        {
            if (!_gone[number])
            {
                _gone[number] = true;
                _readable = [.. _ports.Where((_, i) => !_gone[i] && _paths[i] is not null)];
                worker.PortGone?.Invoke(_ports[number]);
            }
        }
    }
}
