using System.Text.RegularExpressions;
using Xunit;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>The catalogue names what the sources hold, and nothing of it is in this build.</summary>
public class CatalogueTests
{
    [Fact]
    public void Every_mutant_stands_in_the_files_that_the_catalogue_names_and_nowhere_else()
    {
        var inSources = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(path => Regex.Matches(File.ReadAllText(path), @"\bMUTANT_\d\d\b").Select(m => (m.Value, Path.GetRelativePath(Path.Combine(Repository.Root, "src"), path).Replace('\\', '/'))))
            .Distinct().Order();
        Assert.Equal(Catalogue.Symbols.SelectMany(m => m.Files.Select(f => (m.Symbol, f))).Order(), inSources);
    }

    [Fact]
    public void Mutants_are_numbered_and_each_says_what_it_is()
    {
        Assert.Equal(Enumerable.Range(1, Catalogue.Symbols.Count), Catalogue.Symbols.Select(m => m.Number));
        Assert.Distinct(Catalogue.All.Select(m => m.Number));
        Assert.All(Catalogue.All, m => Assert.False(string.IsNullOrWhiteSpace(m.What)));
    }

    [Theory]
    [InlineData("first failure: seed 12 after 3 seeds", 12UL, 3UL, "")]
    [InlineData("first failure: seed 7 after 7 seeds: lease: node 2 reads", 7UL, 7UL, "lease: node 2 reads")]
    public void A_failure_is_read_as_it_is_printed(string line, ulong seed, ulong seeds, string by) => Assert.Equal(new Kill(seed, seeds, by), Kill.Parse(line));

    [Theory]
    [InlineData("200 seeds passed")]
    [InlineData("first failure: seed x after 3 seeds")]
    public void Anything_else_is_no_failure(string line) => Assert.Null(Kill.Parse(line));
}
