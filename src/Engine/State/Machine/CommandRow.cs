using RaftKv.Engine.State.Execution;

namespace RaftKv.Engine.State.Machine;

/// <summary>All that the state machine knows of a kind of command.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Traits">What is true of all its commands.</param>
/// <param name="Apply">Reads and applies one; null if the state machine runs it itself, because it concerns sessions or another entry.</param>
internal sealed record CommandRow(CommandKind Kind, CommandTraits Traits, ApplyCommand? Apply);
