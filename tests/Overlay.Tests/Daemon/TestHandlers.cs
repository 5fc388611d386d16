using Overlay.Daemon.Control;

namespace Overlay.Tests.Daemon;

/// <summary>Handlers of tests.</summary>
internal static class TestHandlers
{
    /// <summary>One for each command, of the first protocol and for anyone, with one answer of one frame.</summary>
    public static ControlHandlers Answering(Func<string, ControlResponse> answer, params IEnumerable<string> commands) =>
        new(commands.Select(command => new Simple(command, call => call.SendAsync(answer(command)))));

    /// <summary>A handler of the given protocol and access.</summary>
    public static IControlHandler Handler(
        string command, Func<ControlCall, ValueTask> answer, int protocol = ControlProtocol.First, ControlAccess access = ControlAccess.Anyone) =>
        new Simple(command, answer) { Protocol = protocol, Access = access };

    private sealed class Simple(string command, Func<ControlCall, ValueTask> answer) : IControlHandler
    {
        public string Command => command;

        public int Protocol { get; init; } = ControlProtocol.First;

        public ControlAccess Access { get; init; } = ControlAccess.Anyone;

        public async Task AnswerAsync(ControlCall call, CancellationToken cancellation) => await answer(call);
    }
}
