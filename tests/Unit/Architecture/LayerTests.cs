using System.Text.RegularExpressions;
using Xunit;

namespace RaftKv.Tests.Unit.Architecture;

/// <summary>The layers of the design, held against the sources.</summary>
public class LayerTests
{
    [Fact]
    public void Layers_refer_only_downwards() => Assert.Empty(SourceTree.Files("src").SelectMany(LayerRules.Violations));

    [Fact]
    public void A_namespace_is_its_folder() => Assert.Empty(SourceTree.Files("src").SelectMany(LayerRules.NamespaceViolations));

    [Theory]
    [InlineData("src/Engine/RaftKv.Engine.csproj")]
    [InlineData("src/Consensus/RaftKv.Consensus.csproj", "../Engine/RaftKv.Engine.csproj")]
    [InlineData("src/Hosting/RaftKv.Hosting.csproj", "../Consensus/RaftKv.Consensus.csproj")]
    [InlineData("src/Server/RaftKv.Server.csproj", "../Hosting/RaftKv.Hosting.csproj")]
    public void A_project_refers_to_the_one_below(string project, params string[] below) =>
        Assert.Equal(below, Regex.Matches(SourceTree.Read(project), "<ProjectReference Include=\"([^\"]+)\"").Select(m => m.Groups[1].Value));

    [Theory]
    [InlineData("src/Engine/Store/Bad.cs", "using RaftKv.Engine.State;")]
    [InlineData("src/Engine/Wal/Bad.cs", "using RaftKv.Engine.Store;")]
    [InlineData("src/Engine/Io/Bad.cs", "using RaftKv.Engine.Wal;")]
    [InlineData("src/Engine/State/Machine/Bad.cs", "using RaftKv.Consensus.Raft;")]
    [InlineData("src/Consensus/Raft/Bad.cs", "using RaftKv.Consensus.Groups;")]
    [InlineData("src/Consensus/Raft/Roles/Bad.cs", "using static RaftKv.Consensus.Transport;")]
    [InlineData("src/Consensus/Transport/Bad.cs", "using RaftKv.Consensus.Raft.Messages;")]
    [InlineData("src/Consensus/Groups/Bad.cs", "using RaftKv.Hosting;")]
    [InlineData("src/Hosting/Bad.cs", "using RaftKv.Server.Resp;")]
    [InlineData("src/Server/Resp/Protocol/Bad.cs", "using RaftKv.Server.Resp.Execution;")]
    [InlineData("src/Server/Resp/Execution/Bad.cs", "using RaftKv.Server.Resp.Commands;")]
    [InlineData("src/Server/Resp/Execution/Bad.cs", "class Bad { Commands.CommandTable _table; }")]
    [InlineData("src/Server/Resp/Commands/Bad.cs", "using RaftKv.Server.Resp.Connections;")]
    [InlineData("src/Server/Http/Bad.cs", "using RaftKv.Server.Listeners;")]
    [InlineData("src/Server/Listeners/Bad.cs", "using RaftKv.Server.Cli;")]
    [InlineData("src/Server/Elsewhere/Bad.cs", "class Bad;")]
    [InlineData("src/Engine/Io/Bad.cs", "class Bad { RaftKv.Engine.Wal.WalEntry _entry; }")]
    [InlineData("src/Consensus/Transport/Bad.cs", "class Bad { Engine.Store.IStateStore _store; }")]
    [InlineData("src/Engine/Store/Bad.cs", "using RaftKv.Engine.Store.Faster;")]
    [InlineData("src/Engine/Wal/Format/Bad.cs", "using RaftKv.Engine.Wal.Log;")]
    [InlineData("src/Engine/State/Commands/Keys/Bad.cs", "using RaftKv.Engine.State.Commands.Strings;")]
    [InlineData("src/Engine/State/Encoding/Bad.cs", "class Bad { Engine.State.Machine.StateMachine _machine; }")]
    [InlineData("src/Consensus/Raft/Bad.cs", "using RaftKv.Engine.Wal.Log;")]
    [InlineData("src/Engine/State/Commands/Other/Bad.cs", "class Bad;")]
    [InlineData("src/Elsewhere/Bad.cs", "class Bad;")]
    public void A_reference_upwards_is_seen(string path, string text) => Assert.Single(LayerRules.Violations(new SourceTree.SourceFile(path, text)));

    [Theory]
    [InlineData("src/Engine/State/Sessions/Good.cs", "using RaftKv.Engine.Store;")]
    [InlineData("src/Consensus/Groups/Good.cs", "using RaftKv.Engine.Wal;\nusing RaftKv.Consensus.Raft.Messages;")]
    [InlineData("src/Server/Resp/Commands/Good.cs", "using RaftKv.Server.Resp.Execution;\nclass Good { Execution.RespSession _session; }")]
    [InlineData("src/Engine/Io/Good.cs", "/// <see cref=\"RaftKv.Engine.Wal.WalEntry\"/>\n// Engine.Wal.WalEntry\nclass Good;")]
    public void A_reference_downwards_is_allowed(string path, string text) => Assert.Empty(LayerRules.Violations(new SourceTree.SourceFile(path, text)));

    [Fact]
    public void A_namespace_that_is_not_its_folder_is_seen()
    {
        Assert.Single(LayerRules.NamespaceViolations(new SourceTree.SourceFile("src/Engine/Io/Bad.cs", "namespace RaftKv.Engine.Wal;")));
        Assert.Single(LayerRules.NamespaceViolations(new SourceTree.SourceFile("src/Consensus/Groups/Bad.cs", "namespace RaftKv.Consensus.Raft;")));
        Assert.Empty(LayerRules.NamespaceViolations(new SourceTree.SourceFile("src/Consensus/Raft/Log/Good.cs", "namespace RaftKv.Consensus.Raft;")));
    }
}
