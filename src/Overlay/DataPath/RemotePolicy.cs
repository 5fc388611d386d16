using System.Net;

namespace Overlay.DataPath;

/// <summary>From which underlay addresses a tunnel takes packets. It is a filter, not authentication: who can spoof a remote's address can inject.</summary>
public sealed class RemotePolicy
{
    private readonly (ValueIPAddress Prefix, int Length)[] _prefixes;

    private RemotePolicy(bool known, (ValueIPAddress Prefix, int Length)[] prefixes)
    {
        KnownOnly = known;
        _prefixes = prefixes;
    }

    /// <summary>Only remotes that the tunnel's tables name: configured or from a control plane, never learned ones.</summary>
    public static RemotePolicy Known { get; } = new(true, []);

    /// <summary>Anybody, as Linux does: open to whoever reaches the port.</summary>
    public static RemotePolicy Any { get; } = new(false, [(ValueIPAddress.FromIPv4(0), 0), (default, 0)]);

    /// <summary>Whether the tables decide.</summary>
    public bool KnownOnly { get; }

    /// <summary>Addresses in any of the prefixes.</summary>
    /// <exception cref="ArgumentException">No prefix is given.</exception>
    public static RemotePolicy Within(IEnumerable<IPNetwork> prefixes)
    {
        ArgumentNullException.ThrowIfNull(prefixes);
        (ValueIPAddress, int)[] list = [.. prefixes.Select(p => ((ValueIPAddress)p.BaseAddress, p.PrefixLength))];
        return list.Length > 0 ? new RemotePolicy(false, list) : throw new ArgumentException("At least one prefix is needed.", nameof(prefixes));
    }

    /// <summary>Whether an address lies in one of the prefixes; always false if the tables decide.</summary>
    public bool Contains(ValueIPAddress remote)
    {
        foreach ((ValueIPAddress prefix, int length) in _prefixes)
        {
            if (prefix.IsIPv4 == remote.IsIPv4 && remote.Mask(length) == prefix)
            {
                return true;
            }
        }

        return false;
    }
}
