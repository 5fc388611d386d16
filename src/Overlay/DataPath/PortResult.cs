namespace Overlay.DataPath;

/// <summary>What a call on a port came to.</summary>
public enum PortResult : byte
{
    /// <summary>Receive: at least one packet. Send: every selected packet is sent or marked as dropped.</summary>
    Ok,

    /// <summary>Receive: nothing there now.</summary>
    Empty,

    /// <summary>Send: the port takes no more now; the packets it did not take are still pending.</summary>
    WouldBlock,

    /// <summary>The device or link is down and may come back.</summary>
    Down,

    /// <summary>The device was removed; the port will never work again.</summary>
    Gone,
}
