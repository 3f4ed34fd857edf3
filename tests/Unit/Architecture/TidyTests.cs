using Xunit;

namespace RaftKv.Tests.Unit.Architecture;

/// <summary>Style is a test; and each rule is shown a file that breaks it.</summary>
public class TidyTests
{
    // These two spell out what they ban.
    private static readonly string[] Spelled = ["tests/Unit/Architecture/TidyRules.cs", "tests/Unit/Architecture/TidyTests.cs"];

    [Theory]
    [InlineData("src")]
    [InlineData("tests")]
    [InlineData("bench")]
    public void The_code_reads_as_agreed(string folder) =>
        Assert.Empty(SourceTree.Files(folder).Where(f => !Spelled.Contains(f.Path)).SelectMany(TidyRules.Violations));

    [Theory]
    [InlineData("tests/Unit/Bad.cs", "class Bad { void M() => Thread.Sleep(1); }")]
    [InlineData("tests/Unit/Bad.cs", "class Bad { Task M() => Task.Delay(1); }")]
    [InlineData("src/Engine/Bad.cs", "class Bad { } // TODO")]
    [InlineData("src/Engine/Bad.cs", "class Bad { void M() => throw new NotImplementedException(); }")]
    [InlineData("src/Engine/Bad.cs", "class Bad { void M() { try { N(); } catch { } } }")]
    [InlineData("src/Engine/Bad.cs", "class Bad { void M() { try { N(); } catch (IOException e) when (e.HResult == 1)\n{\n} } }")]
    [InlineData("src/Engine/Bad.cs", "class Bad { void M() { try { N(); } catch (Exception)\n{\n    // it does not matter\n} } }")]
    [InlineData("src/Engine/Other.cs", "namespace RaftKv.Engine;\n\npublic sealed class Bad\n{\n}\n")]
    [InlineData("tests/Unit/Bad.cs", "class Bad { [Fact(Skip = \"later\")] void M() { } }")]
    public void A_breach_is_seen(string path, string text) => Assert.Single(TidyRules.Violations(new SourceTree.SourceFile(path, text)));

    [Fact]
    public void A_file_that_is_too_long_is_seen() =>
        Assert.Single(TidyRules.Violations(new SourceTree.SourceFile("src/Engine/Bad.cs", "class Bad;" + new string('\n', TidyRules.MaxLines + 1))));

    [Fact]
    public void A_companion_that_is_too_long_is_seen() =>
        Assert.Single(TidyRules.Violations(new SourceTree.SourceFile("src/Engine/Good.cs", $"class Good;\n\nclass Companion\n{{{new string('\n', TidyRules.MaxCompanionLines + 1)}}}\n")));

    [Theory]
    [InlineData("src/Engine/Good.cs", "namespace RaftKv.Engine;\n\npublic sealed class Good<T>\n{\n    private class Inner;\n}\n\n/// <summary>Small.</summary>\npublic enum Companion { One }\n")]
    [InlineData("src/Engine/Good.cs", "class Good { void M() { try { N(); } catch (IOException)\n{\n    // It is gone, which was asked for.\n} } }")]
    [InlineData("src/Engine/Good.Part.cs", "public sealed partial class Good\n{\n}\n")]
    [InlineData("src/Server/Program.cs", "return 0;\n")]
    public void What_is_tidy_is_left_alone(string path, string text) => Assert.Empty(TidyRules.Violations(new SourceTree.SourceFile(path, text)));
}
