using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;

namespace Overlay.Linux.Tests.Cluster;

/// <summary>A full mesh of three VTEPs, each with a bridge and one host; nothing is sent in it but by the test.</summary>
internal sealed class Mesh : IDisposable
{
    public const uint Vni = 42;

    private readonly OverlayDaemon?[] _daemons = new OverlayDaemon?[4];
    private readonly string _more;
    private readonly string? _group;

    /// <summary>Makes it.</summary>
    /// <param name="kernelThird">Whether the third VTEP is the kernel's vxlan; else all are overlayd.</param>
    /// <param name="more">Further members of the tunnels of overlayd, where there is no group.</param>
    /// <param name="group">The multicast group that all flood to; null if each floods to both others.</param>
    public Mesh(bool kernelThird, string more = "", string? group = null)
    {
        _more = more;
        _group = group;
        Cluster = new VtepCluster(3);
        try
        {
            for (int number = 1; number <= 3; number++)
            {
                if (number < 3 || !kernelThird)
                {
                    Start(number);
                }
                else if (group is null)
                {
                    Cluster.AddKernelVtep(number, Vni, [1, 2]);
                }
                else
                {
                    Cluster.AddKernelVtep(number, Vni, group);
                }

                Cluster.AddBridge(number, Vni);
            }

            Hosts = [Cluster.AddHost(1, Vni, out _), Cluster.AddHost(2, Vni, out _), Cluster.AddHost(3, Vni, out _)];
            Deliveries = new Deliveries(Hosts, from => Hosts.Except([from]));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public VtepCluster Cluster { get; }

    /// <summary>The host at each VTEP, from 0.</summary>
    public Station[] Hosts { get; }

    /// <summary>Counts for each host.</summary>
    public Deliveries Deliveries { get; }

    /// <summary>How many packets a flooded frame becomes.</summary>
    public int Copies => _group is null ? 2 : 1;

    /// <summary>Which VTEPs are overlayd.</summary>
    public IEnumerable<int> Ours => Enumerable.Range(1, 3).Where(number => _daemons[number] is not null);

    /// <summary>The overlayd at a VTEP, from 1.</summary>
    public OverlayDaemon Daemon(int number) => _daemons[number]!;

    /// <summary>Starts overlayd at a VTEP; the one that was there has ended.</summary>
    public void Start(int number)
    {
        _daemons[number]?.Dispose();
        _daemons[number] = Cluster.Start(number, _group is null
            ? Cluster.Tunnel(number, Vni, [.. Enumerable.Range(1, 3).Where(other => other != number)], more: _more)
            : Cluster.GroupTunnel(number, Vni, _group));
    }

    public void Dispose()
    {
        foreach (OverlayDaemon? daemon in _daemons)
        {
            daemon?.Dispose();
        }

        Cluster.Dispose();
    }
}
