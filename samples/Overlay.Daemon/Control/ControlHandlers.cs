using Overlay.Daemon.Configuration;

namespace Overlay.Daemon.Control;

/// <summary>What can be asked of a daemon: a handler for each command. Commands may be added while others are answered.</summary>
/// <param name="handlers">Those there are from the beginning.</param>
internal sealed class ControlHandlers(params IEnumerable<IControlHandler> handlers)
{
    private volatile IControlHandler[] _handlers = [.. handlers];

    /// <summary>Adds what can be asked from now on.</summary>
    /// <exception cref="ArgumentException">Two have the same command.</exception>
    public void Add(IEnumerable<IControlHandler> more)
    {
        IControlHandler[] all = [.. _handlers, .. more];
        _handlers = all.DistinctBy(handler => handler.Command).Count() == all.Length
            ? all
            : throw new ArgumentException($"Two handlers for {all.CountBy(handler => handler.Command).First(count => count.Value > 1).Key}.", nameof(more));
    }

    /// <summary>The handler of a command.</summary>
    /// <exception cref="ControlRefusedException">There is none.</exception>
    public IControlHandler Find(string command)
    {
        IControlHandler[] handlers = _handlers;
        return Array.Find(handlers, handler => handler.Command == command)
            ?? throw new ControlRefusedException(
                $"unknown command {ConfigNode.Quote(command)}; this overlayd now knows {string.Join(", ", handlers.Select(handler => $"\"{handler.Command}\""))}",
                ControlFault.Protocol);
    }
}
