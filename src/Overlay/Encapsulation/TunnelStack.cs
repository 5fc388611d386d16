using System.Collections.ObjectModel;

namespace Overlay.Encapsulation;

/// <summary>
/// Layers around each other, as VXLAN within WireGuard over a link that counts a VLAN tag, and the MTUs between them. All lengths are IP packets, as
/// operating systems count MTUs.
/// </summary>
public sealed class TunnelStack
{
    private readonly TunnelLayer[] _layers;

    /// <summary>Stacks layers.</summary>
    /// <param name="layers">The layers from the innermost, whose device the applications use, to the outermost, next to the link.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    public TunnelStack(params ReadOnlySpan<TunnelLayer> layers)
    {
        if (layers.IsEmpty)
        {
            throw new ArgumentException("A stack has at least one layer.", nameof(layers));
        }

        _layers = layers.ToArray();
        Layers = new ReadOnlyCollection<TunnelLayer>(_layers);
    }

    /// <summary>The layers, the innermost first.</summary>
    public IReadOnlyList<TunnelLayer> Layers { get; }

    /// <summary>By how many bytes the longest packet of the innermost device is shorter than the link's.</summary>
    /// <param name="linkMtu">The link's MTU in bytes: padding makes the difference depend on it.</param>
    /// <exception cref="ArgumentOutOfRangeException">The link's MTU leaves less than <see cref="TunnelMtu.Minimum"/>.</exception>
    public int Overhead(int linkMtu) => Math.Min(linkMtu, TunnelMtu.Maximum) - InnerMtu(linkMtu);

    /// <summary>The MTU of the innermost device over a link.</summary>
    /// <param name="linkMtu">The link's MTU in bytes; what exceeds <see cref="TunnelMtu.Maximum"/> is of no use.</param>
    /// <exception cref="ArgumentOutOfRangeException">The link's MTU leaves less than <see cref="TunnelMtu.Minimum"/>.</exception>
    public int InnerMtu(int linkMtu) => Mtus(linkMtu)[0];

    /// <summary>The MTU within each layer over a link.</summary>
    /// <param name="linkMtu">The link's MTU in bytes.</param>
    /// <returns>As many as there are layers, in their order: the first is that of the innermost device.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The link's MTU leaves less than <see cref="TunnelMtu.Minimum"/>.</exception>
    public IReadOnlyList<int> Mtus(int linkMtu)
    {
        int[] mtus = new int[_layers.Length];
        for (int i = mtus.Length - 1, mtu = linkMtu; i >= 0; i--)
        {
            mtu = _layers[i].InnerLength(mtu);
            mtus[i] = mtu;
        }

        return mtus;
    }

    /// <summary>The smallest MTU of a link that carries the packets of the innermost device.</summary>
    /// <param name="innerMtu">The device's MTU in bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The device's MTU is below <see cref="TunnelMtu.Minimum"/>, or no outer packet could hold such a packet.</exception>
    public int LinkMtu(int innerMtu)
    {
        int length = innerMtu;
        foreach (TunnelLayer layer in _layers)
        {
            length = layer.OuterLength(length);
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, TunnelMtu.Maximum, nameof(innerMtu));
        return length;
    }
}
