namespace Overlay.Daemon.Control;

/// <summary>What a request must fulfil before its handler sees it.</summary>
internal static class ControlRules
{
    /// <summary>Client and daemon must speak a version of the protocol that has the command.</summary>
    /// <exception cref="ControlRefusedException">They do not.</exception>
    public static void CheckProtocol(ControlRequest request, IControlHandler handler)
    {
        const string Right = "the overlayd of the daemon's version as a client is right";
        int protocol = request.Protocol ?? ControlProtocol.First;
        if (protocol > ControlProtocol.Current)
        {
            throw new ControlRefusedException(
                $"the client speaks version {protocol} of the control protocol, this overlayd up to {ControlProtocol.Current}; {Right}", ControlFault.Protocol);
        }

        if (protocol < handler.Protocol)
        {
            throw new ControlRefusedException(
                $"{handler.Command} is of version {handler.Protocol} of the control protocol, the client speaks {protocol}; {Right}", ControlFault.Protocol);
        }
    }

    /// <summary>What is for the owner only, root and the daemon's user may ask.</summary>
    /// <param name="peer">Who asks.</param>
    /// <param name="self">Who runs the daemon.</param>
    /// <param name="handler">What is asked.</param>
    /// <exception cref="ControlRefusedException">It is neither.</exception>
    public static void CheckAccess(ControlPeer peer, ControlPeer self, IControlHandler handler)
    {
        if (handler.Access == ControlAccess.Owner && !peer.IsRoot && peer.UserId != self.UserId)
        {
            string owners = self.IsRoot ? "only root may" : $"only root and uid {self.UserId}, which runs overlayd, may";
            throw new ControlRefusedException($"{handler.Command} is not for uid {peer.UserId}: {owners}, whatever the mode of the socket", ControlFault.Forbidden);
        }
    }
}
