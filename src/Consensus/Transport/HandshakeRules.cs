using RaftKv.Engine.Buffers;

namespace RaftKv.Consensus.Transport;

/// <summary>
/// Whom a node accepts, from the bytes of an introduction: the part of the <see cref="Handshake"/> that knows no connection, so that a simulation runs it too. Thread-safe as far as the registry is.
/// Invariant: two nodes that accept each other count the same nodes under the same numbers in their majorities, and have the same groups.
/// </summary>
internal sealed class HandshakeRules(OwnIdentity own, IPeerRegistry registry)
{
    // A sentence names whole lists while they fit a line of the log.
    private const int MaxListedBytes = 120;

    /// <summary>This node.</summary>
    public OwnIdentity Own => own;

    /// <summary>This node's introduction to another.</summary>
    public static PooledBuffer Introduce(NodeIdentity self, ulong receiver)
    {
        var payload = new PooledBuffer(256);
        new Introduction(Introduction.Version, Introduction.Version, self, receiver).Write(payload);
        return payload;
    }

    /// <summary>What the dialler makes of a Welcome; a peer that is final, as this node is, is remembered, durably.</summary>
    /// <param name="introduction">The Welcome.</param>
    /// <param name="self">This node as its Hello introduced it.</param>
    /// <param name="peer">Who is expected.</param>
    /// <exception cref="RefusalException">It is refused.</exception>
    public Meeting CheckWelcome(ReadOnlySpan<byte> introduction, NodeIdentity self, ulong peer)
    {
        var meeting = Read(introduction, self);
        var other = meeting.Other;
        if (other.Number != peer)
            throw new RefusalException(RefusalCode.Receiver, $"node {peer} was expected at this address, {other.Title} answered");
        CheckRegistry(meeting);
        return meeting;
    }

    /// <summary>What the accepting side makes of a Hello; a dialler that is final, as this node is, is remembered, durably. The Welcome introduces <see cref="Meeting.Self"/>.</summary>
    /// <exception cref="RefusalException">It is refused.</exception>
    public Meeting CheckHello(ReadOnlySpan<byte> introduction, Predicate<ulong> isPeer)
    {
        var meeting = Read(introduction, own.Current);
        var (self, other) = (meeting.Self, meeting.Other);
        if (!isPeer(other.Number))
            throw new RefusalException(RefusalCode.Unknown, $"{other.Title} is no peer of {self.Title}");
        if (other.Number > self.Number)
            throw new RefusalException(RefusalCode.Malformed, $"node {other.Number} is to be dialled by node {self.Number}, not the other way round");
        CheckRegistry(meeting);
        return meeting;
    }

    private Meeting Read(ReadOnlySpan<byte> payload, NodeIdentity self)
    {
        var introduction = Introduction.Read(payload);
        var other = introduction.Sender;
        if (Disagreement(self, other) is var (code, sentence))
            throw new RefusalException(code, sentence) { Sender = other.Number };
        if (other.Cluster != self.Cluster && other.IsFinal)
            self = own.TryAdopt(other.Cluster) ?? throw new RefusalException(RefusalCode.Cluster, FoundedApart(self, other)) { Sender = other.Number };
        if (introduction.Receiver != self.Number)
            throw new RefusalException(RefusalCode.Receiver, $"node {introduction.Receiver} was expected at this address, {self.Title} answered");
        return new Meeting(self, other);
    }

    /// <summary>Where two nodes are told different things of their cluster; null if they agree, or if the provisional one of the two can follow the other.</summary>
    private static (RefusalCode Code, string Sentence)? Disagreement(NodeIdentity self, NodeIdentity other)
    {
        if (other.ClusterName != self.ClusterName)
            return (RefusalCode.Cluster, $"{other.Title} belongs to {Named(other)}, {self.Title} to {Named(self)}");
        if (other.Members != self.Members)
            return (RefusalCode.Members, other.Members.Length + self.Members.Length <= MaxListedBytes
                ? $"{other.Title} was given the nodes {other.Members}, {self.Title} the nodes {self.Members}"
                : $"{other.Title} was given another list of nodes than {self.Title}: they differ in {NodeIdentity.Difference(other.Members, self.Members)}");
        if (other.Groups != self.Groups)
            return (RefusalCode.Groups, $"{other.Title} has {other.Groups} groups, {self.Title} has {self.Groups}: all nodes of a cluster have as many");
        if (other.Cluster == self.Cluster || other.IsFinal != self.IsFinal)
            return null;
        return (RefusalCode.Cluster, self.IsFinal
            ? FoundedApart(self, other)
            : $"{other.Title} was given other addresses for the nodes {Shortened(self.Members)} than {self.Title}: until the cluster is founded all nodes need the same list, or the same cluster name");
    }

    private static string FoundedApart(NodeIdentity self, NodeIdentity other) =>
        $"{other.Title} and {self.Title} belong to two clusters that were founded apart with the same names, {other.Cluster:x16} and {self.Cluster:x16}: an address leads to the wrong one";

    private static string Named(NodeIdentity node) => node.ClusterName.Length == 0 ? "a cluster without a name" : $"the cluster named '{node.ClusterName}'";

    private static string Shortened(string members) => members.Length <= MaxListedBytes ? members : $"{members[..MaxListedBytes]}...";

    private void CheckRegistry(Meeting meeting)
    {
        var (self, other) = (meeting.Self, meeting.Other);
        // Who is not final has promised nothing, and may be another node after its next start. One that is known may not come back as such a node: it lost what it had promised.
        switch (registry.Check(other.Number, other.Name, other.Incarnation, remember: meeting.IsFull))
        {
            case PeerCheck.OtherIncarnation:
                throw new RefusalException(
                    RefusalCode.Incarnation,
                    $"{other.Title} is known to {self.Title} by another data directory; a node that lost its data must join under a new number");
            case PeerCheck.OtherName:
                throw new RefusalException(RefusalCode.Name, $"node {other.Number} calls itself {other.Name}, but is known to {self.Title} by another name");
        }
    }
}
