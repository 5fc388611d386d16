namespace Overlay.Daemon.Configuration;

/// <summary>The rules for underlay addresses: this end, and those of remotes beside it.</summary>
/// <param name="local">This end; null if it is itself a mistake.</param>
/// <param name="hasLink">Whether the tunnel has a link, which link-local addresses need.</param>
/// <param name="values">Reads the values.</param>
/// <param name="errors">Takes the mistakes.</param>
internal sealed class UnderlayReader(ValueIPAddress? local, bool hasLink, ValueReader values, ConfigErrors errors)
{
    /// <summary>Whether this end is known to be IPv4.</summary>
    public bool IsIPv4 => local is { IsIPv4: true };

    /// <summary>This end's address.</summary>
    public static ValueIPAddress? Local(ConfigNode? node, bool hasLink, ValueReader values) =>
        Unicast(node, "local", "the unicast address of this end", hasLink, values);

    /// <summary>A remote's address: unicast, of the family of this end, and not this end's own.</summary>
    public ValueIPAddress? Remote(ConfigNode? node, string what)
    {
        if (Unicast(node, what, "the unicast address of the remote", hasLink, values) is not ValueIPAddress remote || !HasFamily(remote, node!, what))
        {
            return null;
        }

        if (remote == local)
        {
            values.Wrong(node!, what, "the address of another host", ", the tunnel's own local");
            return null;
        }

        return remote;
    }

    /// <summary>Whether an address is of the family of this end; adds a mistake if not.</summary>
    public bool HasFamily(ValueIPAddress address, ConfigNode node, string what)
    {
        if (local is not ValueIPAddress own || own.IsIPv4 == address.IsIPv4)
        {
            return true;
        }

        errors.Add(node.Line, $"{what} is {node.Describe()}, but local {own} is {Family(own)}; an {Family(own)} address is right");
        return false;
    }

    private static ValueIPAddress? Unicast(ConfigNode? node, string what, string right, bool hasLink, ValueReader values)
    {
        if (values.Address(node, what) is not ValueIPAddress address)
        {
            return null;
        }

        string? remark = address.IsUnspecified ? ", the unspecified address"
            : address.IsBroadcast ? ", the broadcast address"
            : address.IsMulticast ? ", a multicast address"
            : null;
        if (remark is not null)
        {
            values.Wrong(node!, what, right, remark);
            return null;
        }

        if (address.IsLinkLocal && !address.IsIPv4 && !hasLink)
        {
            values.Wrong(node!, what, "a \"link\" beside it", ", which is unique on one link only");
            return null;
        }

        return address;
    }

    private static string Family(ValueIPAddress address) => address.IsIPv4 ? "IPv4" : "IPv6";
}
