using Xunit;

namespace RaftKv.Tests.Jepsenish.Mutants;

/// <summary>The catalogue is whole, and nothing of it is in the sources.</summary>
public class CatalogueTests
{
    /// <summary>A mistake that a build could switch on stands in the most important lines, where somebody reads them; and the build that it would be on in.</summary>
    [Fact]
    public void The_sources_know_nothing_of_mutants() => Assert.DoesNotContain(
        Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories), path => File.ReadAllText(path).Contains("MUTANT", StringComparison.OrdinalIgnoreCase));

    [Fact]
    public void Those_of_the_requirements_are_all_there_each_number_once_and_each_says_what_it_is()
    {
        Assert.Equal(Enumerable.Range(1, 35), Catalogue.All.Select(m => m.Number).Where(n => n <= 35));
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
