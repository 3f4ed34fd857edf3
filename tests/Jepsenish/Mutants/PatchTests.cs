using System.Xml.Linq;
using Xunit;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>Patches are read as they are written, fit the sources, and are judged by what tests report.</summary>
public class PatchTests
{
    private const string Good = """
        mistake: the lease is twice as long
        suite: unit Properties FullyQualifiedName~Lease

        file: src/A/B.cs
        search:
            var a = 1;
            var b = 2;
        replace:
            var a = 2;

        file: src/A/C.cs
        search:
        return x;
        replace:
        """;

    [Fact]
    public void Every_patch_of_the_catalogue_fits_the_sources()
    {
        foreach (var mutant in Catalogue.All.Where(m => m.Patch is not null))
        {
            foreach (var file in mutant.Patch!.Files)
            {
                var source = File.ReadAllText(Path.Combine(Repository.Root, file));
                Assert.NotEqual(source, mutant.Patch.Apply(file, source));
            }
        }
    }

    [Fact]
    public void A_patch_is_read_as_it_is_written()
    {
        var patch = PatchFile.Parse("71-lease.patch.txt", Good);
        Assert.Equal((71, "the lease is twice as long"), (patch.Number, patch.Mistake));
        Assert.Equal(new PatchSuite("unit", "Properties", "FullyQualifiedName~Lease"), patch.Suite);
        Assert.Equal([new Replacement("src/A/B.cs", "    var a = 1;\n    var b = 2;", "    var a = 2;"), new Replacement("src/A/C.cs", "return x;", "")], patch.Replacements);
        var mutant = new Mutant(patch);
        Assert.Equal(["A"], mutant.Projects);
    }

    [Theory]
    [InlineData("sim", "sim", "", "")]
    [InlineData("core", "core", "", "")]
    [InlineData("sim store", "sim store", "", "")]
    [InlineData("unit FullyQualifiedName~A|FullyQualifiedName~B", "unit", "Unit", "FullyQualifiedName~A|FullyQualifiedName~B")]
    [InlineData("unit Jepsenish FullyQualifiedName~A", "unit", "Jepsenish", "FullyQualifiedName~A")]
    public void A_suite_is_one_of_seeds_or_tests_of_a_project(string text, string name, string project, string filter) => Assert.Equal(new PatchSuite(name, project, filter), PatchSuite.Parse(text));

    [Theory]
    [InlineData("mistake: the lease is twice as long", "", "line 2: here a line begins with mistake:")]
    [InlineData("mistake: the lease is twice as long", "mistake:", "line 1: mistake: says nothing")]
    [InlineData("unit Properties FullyQualifiedName~Lease", "unit Properties", "the filter is missing")]
    [InlineData("unit Properties FullyQualifiedName~Lease", "soak", "allowed are sim, core, store, several of them, and unit")]
    [InlineData("src/A/B.cs", "tests/A/B.cs", "allowed is a C# file below src/")]
    [InlineData("    var a = 2;", "    var a = 1;\n    var b = 2;", "nothing is wrong with src/A/B.cs")]
    [InlineData("    var a = 1;\n    var b = 2;\n", "", "there is no text below it")]
    [InlineData("search:\nreturn x;\n", "", "here stands search:")]
    [InlineData("replace:\n    var a = 2;\n", "", "here stands replace:")]
    public void What_is_wrong_with_a_patch_is_said(string text, string instead, string why) =>
        Assert.Contains(why, Assert.Throws<InvalidDataException>(() => PatchFile.Parse("71-lease.patch.txt", Good.ReplaceLineEndings("\n").Replace(text, instead, StringComparison.Ordinal))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("lease.patch.txt")]
    [InlineData("x-lease.patch.txt")]
    [InlineData("71-lease.txt")]
    public void A_file_with_another_name_is_none(string name) => Assert.Throws<InvalidDataException>(() => PatchFile.Parse(name, Good));

    [Fact]
    public void Two_patches_with_one_number_are_refused()
    {
        var folder = Directory.CreateTempSubdirectory("raftkv-patches-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "71-lease.patch.txt"), Good);
            Assert.Single(PatchFile.ReadAll(folder));
            File.WriteAllText(Path.Combine(folder, "71-other.patch.txt"), Good);
            Assert.Throws<InvalidDataException>(() => PatchFile.ReadAll(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_text_that_is_not_there_exactly_once_is_not_replaced()
    {
        var patch = PatchFile.Parse("71-lease.patch.txt", Good);
        Assert.Equal("{\n    var a = 2;\n}\n", patch.Apply("src/A/B.cs", "{\r\n    var a = 1;\r\n    var b = 2;\r\n}\r\n"));
        Assert.Contains("does not hold", Assert.Throws<InvalidDataException>(() => patch.Apply("src/A/C.cs", "return y;")).Message, StringComparison.Ordinal);
        Assert.Contains("more than once", Assert.Throws<InvalidDataException>(() => patch.Apply("src/A/C.cs", "return x; return x;")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Failed_tests_are_read_from_the_report()
    {
        var run = TestRun.Parse(XDocument.Parse("""
            <TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010"><Results>
            <UnitTestResult testName="a" outcome="Passed" /><UnitTestResult testName="b" outcome="Failed" /><UnitTestResult testName="c" outcome="NotExecuted" />
            </Results></TestRun>
            """));
        Assert.Equal(2, run.Total);
        Assert.Equal(["b"], run.Failed);
    }

    [Fact]
    public void Only_tests_that_exist_and_pass_without_the_mistake_say_anything()
    {
        var mutant = new Mutant(PatchFile.Parse("71-lease.patch.txt", Good));
        var suite = mutant.Patch!.Suite;
        Assert.Null(MutantRun.JudgeUnchanged(mutant, suite, new TestRun(2, []), ""));
        Assert.Equal(Fate.Broken, MutantRun.JudgeUnchanged(mutant, suite, new TestRun(0, []), "")?.Fate);
        Assert.Equal(Fate.Broken, MutantRun.JudgeUnchanged(mutant, suite, new TestRun(2, ["b"]), "")?.Fate);
        Assert.Equal(Fate.Broken, MutantRun.JudgeUnchanged(mutant, suite, null, "no report")?.Fate);
        Assert.Equal(Fate.Killed, MutantRun.Judge(mutant, new TestRun(2, ["b"]), "").Fate);
        Assert.Equal(Fate.Survived, MutantRun.Judge(mutant, new TestRun(2, []), "").Fate);
        Assert.Equal(Fate.Broken, MutantRun.Judge(mutant, null, "no report").Fate);
    }
}
