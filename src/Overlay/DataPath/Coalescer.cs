namespace Overlay.DataPath;

/// <summary>
/// Puts the packets of a batch together that the sender's stack once cut from one piece: trains of TCP segments or UDP datagrams become
/// superpackets, which cost a kernel one passage instead of dozens. For ports that take superpackets; not thread-safe.
/// </summary>
/// <remarks>
/// <para>
/// The rules are those of generic receive offload in Linux: one flow, consecutive TCP sequence numbers, and headers that are equal in everything
/// that cutting (<see cref="SegmentPlan"/>) does not restore: link header, TOS with ECN, TTL, flow label, DF, acknowledgment, window, flags but PSH, options.
/// The IPv4 identification counts up where DF is clear. All segments have one size but a shorter last one; PSH ends a superpacket.
/// Never merged: SYN, FIN, RST, URG, CWR; segments without payload; fragments; packets with IP options or extension headers; UDP without checksum;
/// packets followed by padding; superpackets.
/// </para>
/// <para>
/// A checksum that nobody has verified is verified while the payload is copied. A packet whose checksum is wrong is handed on as it is: whoever
/// receives it shall count it. Within a flow the order is always kept; a packet of no
/// known flow overtakes nothing.
/// </para>
/// </remarks>
public sealed class Coalescer
{
    /// <summary>Flows that may be open at once; one more closes the one opened first.</summary>
    public const int MaxFlows = 32;

    private readonly DeviceLayer _layer;
    private readonly bool _tcp;
    private readonly bool _udp;

    // The open ones in front, in the order of their opening; behind them those that were used and are free, the last used first.
    private readonly CoalescedFlow?[] _flows = new CoalescedFlow?[MaxFlows];
    private int _open;

    /// <summary>Makes a coalescer.</summary>
    /// <param name="capabilities">
    /// What the port takes: <see cref="PortCapabilities.TcpSuperpackets"/> and <see cref="PortCapabilities.UdpSuperpackets"/> say what is merged,
    /// <see cref="PortCapabilities.Ethernet"/> whether packets are Ethernet frames or IP packets.
    /// </param>
    public Coalescer(PortCapabilities capabilities)
    {
        _layer = (capabilities & PortCapabilities.Ethernet) != 0 ? DeviceLayer.Ethernet : DeviceLayer.IP;
        _tcp = (capabilities & PortCapabilities.TcpSuperpackets) != 0;
        _udp = (capabilities & PortCapabilities.UdpSuperpackets) != 0;
    }

    /// <summary>Hands the selected packets to the output, merged where they merge. Nothing is kept beyond the call.</summary>
    /// <param name="batch">The batch; its bytes stay as they are.</param>
    /// <param name="output">Takes the packets.</param>
    /// <returns>false if the output would take no more; what it did not take is still pending.</returns>
    public bool Send(PacketBatch batch, ICoalescerOutput output)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(output);
        _open = 0;
        foreach (int index in batch.Selection)
        {
            if (!Add(batch, index, output))
            {
                return false;
            }
        }

        return WriteAll(batch, output);
    }

    private static bool WriteAlone(PacketBatch batch, int index, ICoalescerOutput output) =>
        output.Write(batch, new ReadOnlySpan<int>(in index), batch.Data(index), batch.Meta(index));

    private bool Add(PacketBatch batch, int index, ICoalescerOutput output)
    {
        // The next packet is most often of the same flow as the last.
        AppendResult quick = _open > 0 ? _flows[_open - 1]!.TryAppendAlike(batch, index) : AppendResult.Refused;
        if (quick is AppendResult.Merged or AppendResult.MergedAsLast)
        {
            return quick == AppendResult.Merged || Write(_open - 1, batch, output);
        }

        FlowPacket packet = FlowPacket.Read(batch.Data(index), _layer, batch.Meta(index));
        if (packet.Kind == FlowPacketKind.Unknown)
        {
            return WriteAll(batch, output) && WriteAlone(batch, index, output);
        }

        bool mergeable = packet.Kind == FlowPacketKind.Mergeable && (packet.IsTcp ? _tcp : _udp);
        int flow = Find(packet.FlowKey);
        if (flow >= 0)
        {
            AppendResult result = mergeable ? _flows[flow]!.TryAppend(batch, index, packet) : AppendResult.Refused;
            if (result == AppendResult.Merged)
            {
                return true;
            }

            // What is open goes first, lest this packet overtakes its own flow.
            bool taken = Write(flow, batch, output);
            if (!taken || result == AppendResult.MergedAsLast)
            {
                return taken;
            }

            mergeable &= result != AppendResult.Damaged;
        }

        return mergeable && !packet.EndsTrain ? Open(batch, index, packet, output) : WriteAlone(batch, index, output);
    }

    private int Find(ulong flowKey)
    {
        // From the newest on: the next packet is most often of the same flow as the last.
        int i = _open - 1;
        while (i >= 0 && _flows[i]!.FlowKey != flowKey)
        {
            i--;
        }

        return i;
    }

    private bool Open(PacketBatch batch, int index, in FlowPacket packet, ICoalescerOutput output)
    {
        if (_open == MaxFlows && !Write(0, batch, output))
        {
            return false;
        }

        CoalescedFlow flow = _flows[_open] ??= new CoalescedFlow();
        _open++;
        flow.Open(batch, index, packet);
        return true;
    }

    private bool WriteAll(PacketBatch batch, ICoalescerOutput output)
    {
        int open = _open;
        _open = 0;
        for (int i = 0; i < open; i++)
        {
            if (!_flows[i]!.Write(batch, output))
            {
                return false;
            }
        }

        return true;
    }

    private bool Write(int index, PacketBatch batch, ICoalescerOutput output)
    {
        CoalescedFlow flow = _flows[index]!;
        _open--;
        for (int i = index; i < _open; i++)
        {
            _flows[i] = _flows[i + 1];
        }

        _flows[_open] = flow;
        return flow.Write(batch, output);
    }
}
