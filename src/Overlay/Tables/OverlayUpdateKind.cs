namespace Overlay.Tables;

/// <summary>What an <see cref="OverlayUpdate"/> does.</summary>
public enum OverlayUpdateKind
{
    /// <summary>Nothing; the default value, which cannot be applied.</summary>
    None,

    /// <summary>Sets an entry of the forwarding table.</summary>
    SetForwarding,

    /// <summary>Removes an entry of the forwarding table.</summary>
    RemoveForwarding,

    /// <summary>Sets a neighbour.</summary>
    SetNeighbor,

    /// <summary>Removes a neighbour.</summary>
    RemoveNeighbor,

    /// <summary>Sets a route.</summary>
    SetRoute,

    /// <summary>Removes a route.</summary>
    RemoveRoute,

    /// <summary>Adds a remote to a flood list.</summary>
    AddFlood,

    /// <summary>Removes a remote from a flood list.</summary>
    RemoveFlood,
}
