namespace Overlay.Forwarding.Subjects;

/// <summary>
/// Something that makes one end of a VXLAN tunnel, or of any other that carries IPv4 between two devices named <see cref="Host.OverlayDevice"/>. To
/// add one, write this class and a line in <see cref="Catalog"/>.
/// </summary>
internal interface ISubject
{
    /// <summary>Its name in tables and on the command line.</summary>
    string Name { get; }

    /// <summary>What it is and how it is set, in one line, for the report.</summary>
    string Describe();

    /// <summary>Makes one end: a device with the inner address and MTU, up.</summary>
    /// <param name="here">Where.</param>
    /// <param name="there">The host at the other end.</param>
    /// <exception cref="UnavailableException">This machine cannot have it.</exception>
    ITunnelEnd SetUp(Host here, Host there);
}
