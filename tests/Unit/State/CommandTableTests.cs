using RaftKv.Engine.State;
using RaftKv.Engine.State.Machine;
using Xunit;

namespace RaftKv.Tests.Unit.State;

/// <summary>The table of commands knows every kind, and says of each what its users rely on.</summary>
public class CommandTableTests
{
    [Fact]
    public void Every_kind_has_a_row() => Assert.All(Enum.GetValues<CommandKind>(), kind => Assert.True(CommandTable.Contains(kind), $"{kind} has no row"));

    [Fact]
    public void Kinds_that_only_read_are_these() =>
        Assert.Equal([CommandKind.Get, CommandKind.Scan, CommandKind.Count, CommandKind.KeyAt], Enum.GetValues<CommandKind>().Where(kind => kind.IsReadOnly()));

    [Fact]
    public void Kinds_that_change_several_records_are_these() =>
        Assert.Equal(
            [CommandKind.Delete, CommandKind.Rename, CommandKind.Clear, CommandKind.Batch, CommandKind.ExpireDue],
            Enum.GetValues<CommandKind>().Where(kind => kind.ChangesSeveral()));

    [Fact]
    public void Kinds_that_need_no_space_are_these() =>
        Assert.Equal(
            [CommandKind.Delete, CommandKind.Clear, CommandKind.GetDelete, CommandKind.OpenSession, CommandKind.ResolveOutcome, CommandKind.ExpireDue],
            Enum.GetValues<CommandKind>().Where(kind => kind.NeedsNoSpace()));

    [Fact]
    public void A_number_that_is_no_kind_has_no_row_and_nothing_is_true_of_it()
    {
        Assert.False(CommandTable.Contains((CommandKind)200));
        Assert.False(((CommandKind)200).IsReadOnly() || ((CommandKind)200).ChangesSeveral() || ((CommandKind)200).NeedsNoSpace());
    }
}
