using System.Text;

namespace RaftKv.Hosting;

/// <summary>The settled outcome of a write whose caller lost track of it.</summary>
/// <param name="Kind">What is known.</param>
/// <param name="Revision">Its revision, if committed.</param>
/// <param name="TookEffect">Whether it changed anything: a committed write whose condition did not hold did not.</param>
public readonly record struct Outcome(OutcomeKind Kind, ulong Revision, bool TookEffect);
