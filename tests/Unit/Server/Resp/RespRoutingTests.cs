using RaftKv.Server.Resp.Execution;
using RaftKv.Tests.Harness;
using Xunit;

namespace RaftKv.Tests.Unit.Server.Resp;

/// <summary>Each request goes to the group that the router says.</summary>
public sealed class RespRoutingTests
{
    [Theory]
    [InlineData("SET b v", 'b')]
    [InlineData("GET b", 'b')]
    [InlineData("TTL b", 'b')]
    [InlineData("OBJECT ENCODING b", 'b')]
    [InlineData("SET b v PX 100", 'b')]
    public void A_request_goes_to_the_group_of_its_key(string command, char group) => Assert.Equal([group], GroupsOf(command));

    [Theory]
    [InlineData("MGET b c d", 'b')]
    [InlineData("MSET c 1 b 2", 'c')]
    [InlineData("DEL d b", 'd')]
    [InlineData("RENAME c b", 'c')]
    public void A_request_with_several_keys_goes_to_the_group_of_its_first(string command, char group) => Assert.Equal([group], GroupsOf(command));

    [Theory]
    [InlineData("DBSIZE")]
    [InlineData("SCAN 0")]
    [InlineData("KEYS *")]
    [InlineData("FLUSHALL")]
    public void A_request_without_a_key_goes_to_the_default_group(string command) => Assert.Equal([KeyRouter.Default], GroupsOf(command));

    [Fact]
    public void The_empty_key_is_a_key() => Assert.Equal([KeyRouter.Empty], GroupsOf("GET "));

    [Fact]
    public void EXEC_goes_to_the_group_of_its_first_key()
    {
        Assert.Equal(['c'], GroupsOf("MULTI", "DBSIZE", "SET c 1", "SET b 2", "EXEC"));
        Assert.Equal([KeyRouter.Default], GroupsOf("MULTI", "DBSIZE", "PING", "EXEC"));
    }

    [Fact]
    public void EXEC_goes_to_the_group_of_the_first_key_that_is_watched() => Assert.Equal(['d', 'd'], GroupsOf("WATCH d", "MULTI", "SET c 1", "EXEC"));

    [Fact]
    public void A_read_under_the_lease_is_asked_of_the_group_of_its_key()
    {
        var router = new KeyRouter();
        using var fixture = new RespFixture(router: router);
        var client = fixture.Connect();
        Assert.Equal("$-1\r\n", client.Do("GET", "b"));
        Assert.Equal("b", Assert.Single(router.Asked));
        Assert.Equal(0, fixture.Executor.Applied);
    }

    /// <summary>The groups of what was submitted, one after another.</summary>
    private static List<char> GroupsOf(params string[] commands)
    {
        var groups = new List<char>();
        using var fixture = new RespFixture(router: new KeyRouter());
        fixture.Executor.HasLease = false;
        fixture.Executor.Fault = operation =>
        {
            groups.Add((char)operation.Group);
            return null;
        };
        var client = fixture.Connect();
        foreach (var command in commands)
            client.Do(command.Split(' '));
        return groups;
    }

    /// <summary>Each key is in the group whose number is its first byte.</summary>
    private sealed class KeyRouter : IKeyRouter
    {
        public const char Default = '*', Empty = '0';

        public List<string> Asked { get; } = [];

        public uint DefaultGroup => Default;

        public uint Route(ReadOnlySpan<byte> key)
        {
            Asked.Add(System.Text.Encoding.Latin1.GetString(key));
            return key.IsEmpty ? Empty : key[0];
        }
    }
}
