using Xunit;

namespace RaftKv.Tests.Jepsenish.Simulation;

/// <summary>Seeds are kept with the reason why.</summary>
public class SeedListTests
{
    [Fact]
    public void The_list_of_the_repository_is_read() => Assert.All(SeedList.Read(SeedList.File), s => Assert.NotEmpty(s.Reason));

    [Fact]
    public void A_line_is_a_seed_and_its_reason()
    {
        Assert.Equal([(6269UL, "a late chunk"), (18446744073709551615UL, "the last")], Read("# why\n\n6269 a late chunk\n  18446744073709551615   the last  \n"));
        Assert.Contains("is not a seed and the reason", Assert.Throws<InvalidDataException>(() => Read("6269")).Message, StringComparison.Ordinal);
        Assert.Contains("is not a seed and the reason", Assert.Throws<InvalidDataException>(() => Read("x a late chunk")).Message, StringComparison.Ordinal);
        Assert.Contains("twice", Assert.Throws<InvalidDataException>(() => Read("1 a\n1 b")).Message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<(ulong Seed, string Reason)> Read(string text)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, text);
            return SeedList.Read(file);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
