using RaftKv.Engine;
using Xunit;

namespace RaftKv.Tests.Unit;

/// <summary>Markers of rare events.</summary>
public class SometimesTests
{
    [Fact]
    public void A_listener_hears_its_own_thread_until_it_is_disposed_of()
    {
        var heard = new List<string>();
        using (Sometimes.Listen(heard.Add))
        {
            Sometimes.Reached(Sometimes.TornTailDropped);
            var other = new Thread(() => Sometimes.Reached(Sometimes.TailTruncated));
            other.Start();
            other.Join();
        }

        Sometimes.Reached(Sometimes.SegmentDropped);
        Assert.Equal([Sometimes.TornTailDropped], heard);
    }

    [Fact]
    public void Listeners_nest()
    {
        var outer = new List<string>();
        var inner = new List<string>();
        using (Sometimes.Listen(outer.Add))
        {
            using (Sometimes.Listen(inner.Add))
                Sometimes.Reached(Sometimes.JointEntered);
            Sometimes.Reached(Sometimes.JointLeft);
        }

        Assert.Equal([Sometimes.JointEntered], inner);
        Assert.Equal([Sometimes.JointLeft], outer);
    }

    [Fact]
    public void Every_marker_is_listed_once_and_stands_somewhere_in_the_sources()
    {
        Assert.Equal(Sometimes.All.Count, Sometimes.All.Distinct().Count());
        var sources = string.Concat(Architecture.SourceTree.Files("src").Where(f => f.Path != "src/Engine/Sometimes.cs").Select(f => f.Text));
        var names = typeof(Sometimes).GetFields().Where(f => f.IsLiteral).Select(f => f.Name).ToList();
        Assert.Equal(names.Count, Sometimes.All.Count);
        Assert.All(names, name => Assert.Contains($"Sometimes.{name}", sources, StringComparison.Ordinal));
    }
}
