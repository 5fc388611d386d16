using System.Text.Json;
using System.Text.Json.Serialization;
using Overlay.Daemon.Status;

namespace Overlay.Daemon.Control;

/// <summary>A request: <c>{"command":"status"}</c>. Members that a newer client adds are ignored.</summary>
/// <param name="Command">What to do.</param>
internal sealed record ControlRequest(string? Command)
{
    /// <summary>Asks for <see cref="DaemonStatus"/>.</summary>
    public const string StatusCommand = "status";
}

/// <summary>An answer: <c>{"ok":true,"result":{…}}</c> or <c>{"ok":false,"error":"…"}</c>.</summary>
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

    /// <summary>An answer with a result.</summary>
    public static ControlResponse Success(JsonElement result) => new() { Ok = true, Result = result };

    /// <summary>An answer with a reason.</summary>
    public static ControlResponse Failure(string error) => new() { Ok = false, Error = error };
}

/// <summary>Serialisation of all messages, generated at compile time: no reflection, so that it survives trimming and native compilation.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlResponse))]
[JsonSerializable(typeof(DaemonStatus))]
internal sealed partial class ControlJson : JsonSerializerContext;
