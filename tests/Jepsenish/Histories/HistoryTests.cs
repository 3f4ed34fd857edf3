using RaftKv.Tests.Jepsenish.Checkers;
using Xunit;

namespace RaftKv.Tests.Jepsenish.Histories;

/// <summary>What a history's lines mean, and what the command says about those that mean nothing.</summary>
public class HistoryTests
{
    private const string Wrote = """{"process":0,"type":"invoke","f":"write","value":1}""" + "\n" + """{"process":0,"type":"ok","f":"write","value":1}""" + "\n";

    private const string ArrayOfWrote = """{"process":0,"type":"invoke","f":"write","value":1},""" + "\n" + """{"process":0, "type":"ok",""" + "\n" + """ "f":"write","value":1}""";

    private const string EdnOfWrote = "{:process 0, :type :invoke, :f :write, :value 1} ; it\n{:process 0, :type :ok, :f :write, :value 1}\n";

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

    [Theory]
    [InlineData("[\n" + ArrayOfWrote + "]\n", 0)]
    [InlineData("[" + ArrayOfWrote + """, {"process":1,"type":"invoke","f":"read"}, {"process":1,"type":"ok","f":"read","value":2}]""", 1)]
    [InlineData("[]", 0)]
    [InlineData("[" + ArrayOfWrote, 2)]
    [InlineData("[" + ArrayOfWrote + "] 7", 2)]
    [InlineData("[" + ArrayOfWrote + ", 7]", 2)]
    [InlineData("""[{"process":0,"type":"ok","f":"txn","value":[["append","k",1]]}]""", 2)]
    [InlineData("""[{"process":0,"type":"invoke","f":"txn","value":[["append","k",1]]},{"process":0,"type":"ok","f":"txn","value":[["append","k",1]]}]""", 0)]
    [InlineData("; a comment\n;; and another\n\n" + EdnOfWrote, 0)]
    [InlineData("#_{:process 0, :type :ok} ; not counted\n" + EdnOfWrote, 0)]
    [InlineData("#_ #_ {:a 1} [{:b 2}] " + EdnOfWrote + "{:process 1, :type :invoke, :f :read, :value nil}\n{:process 1, :type :ok, :f :read, :value 2}", 1)]
    [InlineData("; as Jepsen writes it\n[#jepsen.history.Op{:index 0, :process 0,\n  :type :invoke, :f :write ; the first\n :value 1}\n #jepsen.history.Op{:process 0, :type :ok, :f :write, :value 1}\n]", 0)]
    [InlineData("; transactions\n{:process 0, :type :invoke, :value [[:append 1 1]]}\n{:process 0, :type :ok, :value [[:append 1 1]]}", 0)]
    [InlineData("; transactions\n{:process 0, :type :invoke, :value [[:r 1 nil]]}\n#_{:process 0}\n{:process 0, :type :ok, :value [[:r 1 [7]]]}", 1)]
    [InlineData("; a comment only\n{:process 0, :type :invoke, :f :write, :value 1", 2)]
    [InlineData("#_", 2)]
    public async Task Records_may_stand_in_an_array_and_behind_comments(string history, int code) => await The_command_answers_with_its_exit_code(history, code);

    [Fact]
    public void Strings_and_comments_hide_what_looks_like_a_bracket()
    {
        var records = HistoryText.Split("; ]{\n[{:a \"]} \\\" ;\"} ; ]\n\n{:b (1 #{2} [3])}]");
        Assert.Equal(["{:a \"]} \\\" ;\"}", "{:b (1 #{2} [3])}"], records.Select(r => r.Text));
        Assert.Equal([2, 4], records.Select(r => r.Number));
        Assert.IsType<Dictionary<string, object?>>(Edn.Parse(records[1].Text));
    }

    [Fact]
    public void Every_key_that_is_not_linearizable_is_reported()
    {
        var lines = new[] { "a", "b", "c", "d" }.SelectMany(key => new[]
        {
            $$"""{"process":0,"type":"invoke","f":"write","key":"{{key}}","value":1}""",
            $$"""{"process":0,"type":"ok","f":"write","key":"{{key}}","value":1}""",
            $$"""{"process":0,"type":"invoke","f":"read","key":"{{key}}"}""",
            $$"""{"process":0,"type":"ok","f":"read","key":"{{key}}","value":{{(key == "b" ? 1 : 2)}}}""",
        });
        var verdict = HistoryFile.Check(History.From(JsonHistory.Read(HistoryText.Number(lines))));
        Assert.Equal(["a", "c", "d"], verdict.Keys.Where(k => k.Value is { Result: Linearizability.Violated, Violation: not null }).Select(k => k.Key));
        Assert.Equal(Linearizability.Linearizable, verdict.Keys["b"].Result);
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
        var error = Assert.Throws<InvalidDataException>(() => JsonHistory.Read(HistoryText.Number([.. Wrote.TrimEnd().Split('\n'), "{"])));
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
        var read = JsonHistory.Read(HistoryText.Number(events.Select(JsonHistory.Write)));
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
