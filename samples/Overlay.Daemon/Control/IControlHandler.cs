namespace Overlay.Daemon.Control;

/// <summary>Answers one command. Called by several threads at once.</summary>
internal interface IControlHandler
{
    /// <summary>The command, as requests name it.</summary>
    string Command { get; }

    /// <summary>The first version of the protocol that has it, see <see cref="ControlProtocol"/>.</summary>
    int Protocol => ControlProtocol.Current;

    /// <summary>Who may ask.</summary>
    ControlAccess Access => ControlAccess.Owner;

    /// <summary>
    /// Sends any number of parts and then one last frame by <see cref="ControlCall.SendAsync"/>. An exception becomes the last frame:
    /// <see cref="ControlRefusedException"/> as it is, any other one with a line in the log.
    /// </summary>
    /// <remarks>That a client went away is found out by sending: who may be silent for long sends an empty part now and then.</remarks>
    /// <param name="call">The request, and where the answer goes.</param>
    /// <param name="cancellation">The daemon stops.</param>
    Task AnswerAsync(ControlCall call, CancellationToken cancellation);
}
