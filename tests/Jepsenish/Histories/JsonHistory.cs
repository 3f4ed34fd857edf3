using System.Text;
using System.Text.Json;
using RaftKv.Tests.Jepsenish.Checkers;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>
/// Histories as JSON objects, one a line or in an array: <c>{"process":0,"type":"invoke|ok|fail|info","f":"read|write|cas|append","key":"k","value":...,"time":ns}</c>. A compare-and-set's value is
/// <c>[old,new]</c>; a read's is null when the key is absent. A missing key means one key for all, further fields are ignored, and so are lines of a process called "nemesis".
/// Values are compared as JSON: 1 is not "1".
/// </summary>
public static class JsonHistory
{
    /// <summary>Reads events.</summary>
    /// <exception cref="InvalidDataException">One sentence that names the line and what is wrong with it.</exception>
    public static List<HistoryEvent> Read(IEnumerable<HistoryLine> records)
    {
        var events = new List<HistoryEvent>();
        foreach (var (text, number) in records)
        {
            if (Parse(text, number) is { } item)
                events.Add(item);
        }
        return events;
    }

    /// <summary>Writes one event as a line, without its end.</summary>
    public static string Write(HistoryEvent item)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteNumber("process", item.Process);
            json.WriteString("type", item.Type switch { EventType.Invoke => "invoke", EventType.Ok => "ok", EventType.Fail => "fail", _ => "info" });
            json.WriteString("f", item.Function switch { Function.Read => "read", Function.Write => "write", Function.Append => "append", _ => "cas" });
            json.WriteString("key", item.Key);
            json.WritePropertyName("value");
            if (item.Function == Function.CompareAndSet)
            {
                json.WriteStartArray();
                json.WriteRawValue(item.Expected ?? "null");
                json.WriteRawValue(item.Value ?? "null");
                json.WriteEndArray();
            }
            else
            {
                json.WriteRawValue(item.Value ?? "null");
            }
            if (item.Time is { } time)
                json.WriteNumber("time", time);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>A value as the history carries it: its JSON text, null for absent.</summary>
    public static string? Value(string? text) => text is null ? null : JsonSerializer.Serialize(text);

    private static HistoryEvent? Parse(string line, int number)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return Parse(document.RootElement, number);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"line {number}: not JSON: {e.Message}", e);
        }
    }

    private static HistoryEvent? Parse(JsonElement root, int number)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException($"line {number}: a JSON object is expected, it is {Kind(root)}");
        if (!root.TryGetProperty("process", out var process))
            throw new InvalidDataException($"line {number}: there is no \"process\"");
        if (process.ValueKind == JsonValueKind.String && process.GetString()!.TrimStart(':') == "nemesis")
            return null;
        if (process.ValueKind != JsonValueKind.Number || !process.TryGetInt64(out var id))
            throw new InvalidDataException($"line {number}: \"process\" must be a whole number, it is {process.GetRawText()}");
        var type = Text(root, "type", number) switch
        {
            "invoke" => EventType.Invoke,
            "ok" => EventType.Ok,
            "fail" => EventType.Fail,
            "info" => EventType.Info,
            var other => throw new InvalidDataException($"line {number}: \"type\" must be invoke, ok, fail or info, it is \"{other}\""),
        };
        var function = Text(root, "f", number) switch
        {
            "read" or "get" => Function.Read,
            "write" or "put" => Function.Write,
            "cas" => Function.CompareAndSet,
            "append" => Function.Append,
            var other => throw new InvalidDataException($"line {number}: \"f\" must be read, write, cas or append, it is \"{other}\""),
        };
        var key = root.TryGetProperty("key", out var keyElement) && keyElement.ValueKind != JsonValueKind.Null
            ? keyElement.ValueKind == JsonValueKind.String ? keyElement.GetString()! : keyElement.GetRawText()
            : "";
        var hasValue = root.TryGetProperty("value", out var value);
        string? written = null, expected = null;
        if (function == Function.CompareAndSet && (type == EventType.Invoke || (hasValue && type == EventType.Ok && value.ValueKind != JsonValueKind.Null)))
        {
            if (!hasValue || value.ValueKind != JsonValueKind.Array || value.GetArrayLength() != 2)
                throw new InvalidDataException($"line {number}: the \"value\" of a cas must be [old,new], it is {(hasValue ? value.GetRawText() : "missing")}");
            (expected, written) = (Canonical(value[0]), Canonical(value[1]));
        }
        else if (function != Function.CompareAndSet)
        {
            if (!hasValue && function != Function.Read && type == EventType.Invoke)
                throw new InvalidDataException($"line {number}: a {(function == Function.Write ? "write" : "append")} needs a \"value\"");
            written = hasValue ? Canonical(value) : null;
        }
        // A completion that says null repeats nothing, except a read's.
        hasValue = hasValue && (function == Function.Read || value.ValueKind != JsonValueKind.Null);
        return new HistoryEvent(type, id, function, key, written, expected, Time(root, number)) { HasValue = hasValue, Line = number };
    }

    private static long? Time(JsonElement root, int number)
    {
        if (!root.TryGetProperty("time", out var time) || time.ValueKind == JsonValueKind.Null)
            return null;
        if (time.ValueKind == JsonValueKind.Number && time.TryGetInt64(out var whole))
            return whole;
        if (time.ValueKind == JsonValueKind.Number && time.TryGetDouble(out var real) && Math.Abs(real) < long.MaxValue)
            return (long)real;
        throw new InvalidDataException($"line {number}: \"time\" must be a number of nanoseconds, it is {time.GetRawText()}");
    }

    private static string Text(JsonElement root, string name, int number)
    {
        if (!root.TryGetProperty(name, out var element) || element.ValueKind != JsonValueKind.String)
            throw new InvalidDataException($"line {number}: \"{name}\" is missing or not a string");
        return element.GetString()!.TrimStart(':');
    }

    private static string? Canonical(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => JsonSerializer.Serialize(value.GetString()),
        _ => JsonSerializer.Serialize(value),
    };

    private static string Kind(JsonElement element) => element.ValueKind.ToString().ToLowerInvariant();
}
