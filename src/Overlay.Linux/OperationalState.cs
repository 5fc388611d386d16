namespace Overlay.Linux;

/// <summary>The operational state of an interface (RFC 2863, linux/if.h IF_OPER_*).</summary>
public enum OperationalState : byte
{
    /// <summary>The driver does not say: true of the loopback interface.</summary>
    Unknown,

    /// <summary>Some component is missing.</summary>
    NotPresent,

    /// <summary>Down.</summary>
    Down,

    /// <summary>The interface below it is down.</summary>
    LowerLayerDown,

    /// <summary>Under test.</summary>
    Testing,

    /// <summary>Waiting for something outside.</summary>
    Dormant,

    /// <summary>Up.</summary>
    Up,
}
