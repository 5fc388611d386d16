using System.Text.Json;
using System.Text.Json.Serialization;

namespace Overlay.Forwarding.Report;

/// <summary>How the report is written as JSON.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ForwardingReport))]
internal sealed partial class ReportJson : JsonSerializerContext;
