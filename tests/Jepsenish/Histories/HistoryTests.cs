using RaftKv.Tests.Jepsenish.Checkers;
using Xunit;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>What a history's lines mean, and what the command says about those that mean nothing.</summary>
public class HistoryTests
{
    private const string Wrote = """{"process":0,"type":"invoke","f":"write","value":1}""" + "\n" + """{"process":0,"type":"ok","f":"write","value":1}""" + "\n";

    [Theory]
    [InlineData("", 0)]
    [InlineData(Wrote, 0)]
    [InlineData(Wrote + """{"process":1,"type":"invoke","f":"read"}""" + "\n" + """{"process":1,"type":"ok","f":"read","value":1}""", 0)]
    [InlineData(Wrote + """{"process":1,"type":"invoke","f":"read"}""" + "\n" + """{"process":1,"type":"ok","f":"read","value":null}""", 1)]
    [InlineData(Wrote + """{"process":1,"type":"invoke","f":"read"}""" + "\n" + """{"process":1,"type":"ok","f":"read","value":"1"}""", 1)]
    [InlineData(Wrote + """{"process":1,"type":"invoke","f":"read"}""" + "\n" + """{"process":1,"type":"info","f":"read","value":7}""", 0)]
    [InlineData(Wrote + """{"process":1,"type":"invoke","f":"cas","value":[1,2]}""" + "\n" + """{"process":1,"type":"fail","f":"cas","value":[1,2],"error":"x"}""", 0)]
    [InlineData(Wrote + """{"process":1,"type":"invoke","f":"cas","value":[3,2]}""" + "\n" + """{"process":1,"type":"ok","f":"cas","value":[3,2]}""", 1)]
    [InlineData(Wrote + """{"process":"nemesis","type":"info","f":"kill","value":["n1"]}""", 0)]
    [InlineData(Wrote + "nonsense", 2)]
    [InlineData(Wrote + "[1]", 2)]
    [InlineData(Wrote + """{"process":1,"type":"begin","f":"read"}""", 2)]
    [InlineData(Wrote + """{"process":1,"type":"invoke","f":"cas","value":1}""", 2)]
    [InlineData(Wrote + """{"process":1,"type":"ok","f":"read","value":1}""", 2)]
    public async Task The_command_answers_with_its_exit_code(string history, int code)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, history);
        Assert.Equal(code, await Commands.RunAsync(["check", file]));
        File.Delete(file);
    }

    [Fact]
    public async Task A_file_that_is_not_there_and_a_command_that_is_none_are_unusable()
    {
        Assert.Equal(2, await Commands.RunAsync(["check", "/nonexistent"]));
        Assert.Equal(2, await Commands.RunAsync(["check"]));
        Assert.Equal(2, await Commands.RunAsync(["real", "--minutes", "x"]));
    }

    [Fact]
    public void A_bad_line_is_named()
    {
        var error = Assert.Throws<InvalidDataException>(() => JsonHistory.Read([.. Wrote.TrimEnd().Split('\n'), "{"]));
        Assert.StartsWith("line 3: not JSON", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_event_is_written_as_it_is_read()
    {
        HistoryEvent[] events =
        [
            new(EventType.Invoke, 3, Function.CompareAndSet, "k\"ey", JsonHistory.Value("b"), null, 17),
            new(EventType.Ok, 3, Function.CompareAndSet, "k\"ey", JsonHistory.Value("b"), null, 18),
            new(EventType.Invoke, 4, Function.Read, "k\"ey", null, null, 19),
            new(EventType.Ok, 4, Function.Read, "k\"ey", JsonHistory.Value("ü\n"), null, 20),
            new(EventType.Info, 5, Function.Append, "x", JsonHistory.Value(""), null, 21),
        ];
        var read = JsonHistory.Read(events.Select(JsonHistory.Write));
        Assert.Equal(events, read.Select(e => e with { HasValue = false, Line = 0 }));
    }

    [Fact]
    public void Times_order_events_and_a_process_that_asks_again_has_lost_its_answer()
    {
        var history = History.From(
        [
            new(EventType.Ok, 1, Function.Write, "k", "1", null, 20),
            new(EventType.Invoke, 1, Function.Write, "k", "1", null, 10),
            new(EventType.Invoke, 1, Function.Write, "k", "2", null, 30),
            new(EventType.Invoke, 1, Function.Write, "k", "3", null, 40),
        ]);
        Assert.Equal(["1", "2", "3"], history.Operations.Select(o => o.Value));
        Assert.Equal([false, true, true], history.Operations.Select(o => o.IsUnknown));
    }
}
