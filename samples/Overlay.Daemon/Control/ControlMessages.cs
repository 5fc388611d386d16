using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Overlay.Daemon.Control.Changes;
using Overlay.Daemon.Control.Show;
using Overlay.Daemon.Status;

namespace Overlay.Daemon.Control;

/// <summary>
/// A request: <c>{"command":"status"}</c>, or <c>{"command":"fdb-add","protocol":2,"arguments":{…}}</c>. Members that a newer client adds are ignored.
/// </summary>
/// <param name="Command">What to do; absent in the parts that follow a request with <see cref="More"/>.</param>
internal sealed record ControlRequest(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Command)
{
    /// <summary>Asks for <see cref="DaemonStatus"/>.</summary>
    public const string StatusCommand = "status";

    /// <summary>The protocol of the client, see <see cref="ControlProtocol"/>; absent means 1.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Protocol { get; init; }

    /// <summary>What the command needs to know; its shape is the command's.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JsonElement? Arguments { get; init; }

    /// <summary>Whether further frames with <see cref="Arguments"/> follow, because they do not fit one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool More { get; init; }
}

/// <summary>An answer: <c>{"ok":true,"result":{…}}</c> or <c>{"ok":false,"error":"…"}</c>, from protocol 2 on in several frames.</summary>
internal sealed record ControlResponse
{
    /// <summary>Whether the request was done.</summary>
    public required bool Ok { get; init; }

    /// <summary>What it asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JsonElement? Result { get; init; }

    /// <summary>Why it was not done.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Error { get; init; }

    /// <summary>Which kind of failure, one of <see cref="ControlFault"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Fault { get; init; }

    /// <summary>Whether another frame of the same answer follows.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool More { get; init; }

    /// <summary>An answer with a result.</summary>
    public static ControlResponse Success(JsonElement result) => new() { Ok = true, Result = result };

    /// <summary>A part of an answer; others follow.</summary>
    public static ControlResponse Part(JsonElement result) => new() { Ok = true, Result = result, More = true };

    /// <summary>An answer with a reason.</summary>
    public static ControlResponse Failure(string error, string? fault = null) => new() { Ok = false, Error = error, Fault = fault };
}

/// <summary>The kinds of failure that a client treats differently.</summary>
internal static class ControlFault
{
    /// <summary>The request asks for something wrong or impossible; nothing was changed.</summary>
    public const string Refused = "refused";

    /// <summary>The client may not ask this.</summary>
    public const string Forbidden = "forbidden";

    /// <summary>The daemon has too much to do, or stops; nothing was changed, or the message says what.</summary>
    public const string Busy = "busy";

    /// <summary>Client and daemon are of versions that do not understand each other here.</summary>
    public const string Protocol = "protocol";
}

/// <summary>Serialisation of all messages, generated at compile time: no reflection, so that it survives trimming and native compilation.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlResponse))]
[JsonSerializable(typeof(DaemonStatus))]
[JsonSerializable(typeof(ChangeArguments))]
[JsonSerializable(typeof(ChangeResult))]
[JsonSerializable(typeof(FdbReplaceArguments))]
[JsonSerializable(typeof(ShowArguments))]
[JsonSerializable(typeof(ShowEnd))]
[JsonSerializable(typeof(VniShowRow))]
[JsonSerializable(typeof(FdbShowRow))]
[JsonSerializable(typeof(NeighborShowRow))]
[JsonSerializable(typeof(RouteShowRow))]
[JsonSerializable(typeof(FloodShowRow))]
[JsonSerializable(typeof(MissShowRow))]
internal sealed partial class ControlJson : JsonSerializerContext
{
    /// <summary>The same with quotation marks in text as two bytes instead of six.</summary>
    public static ControlJson Relaxed { get; } = new(new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
