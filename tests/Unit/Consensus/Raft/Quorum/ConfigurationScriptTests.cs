using System.Globalization;
using System.Text;
using RaftKv.Consensus.Raft;
using RaftKv.Tests.Harness.DataDriven;
using Xunit;
using Xunit.Abstractions;

namespace RaftKv.Tests.Unit.Consensus.Raft.Quorum;

/// <summary>Changes of configuration judged by scripts that etcd's authors wrote, with the leader's progress followed as they do.</summary>
public class ConfigurationScriptTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("joint_autoleave.txt")]
    [InlineData("joint_idempotency.txt")]
    [InlineData("joint_learners_next.txt")]
    [InlineData("simple_idempotency.txt")]
    [InlineData("simple_promote_demote.txt")]
    [InlineData("simple_safety.txt")]
    [InlineData("update.txt")]
    [InlineData("zero.txt")]
    public void Changes_agree_with_etcd(string script)
    {
        if (DataDrivenFile.FindSharedFixtures() is not { } fixtures)
        {
            output.WriteLine("skipped: no folder shared/fixtures beside the repository");
            return;
        }

        var group = new Group();
        Assert.Null(DataDrivenFile.Run(Path.Combine(fixtures, "etcd-raft/confchange/testdata", script), group.Execute));
    }

    private sealed class Group
    {
        private readonly SortedDictionary<ulong, ulong> _next = [];
        private Configuration _configuration = new();
        private ulong _lastIndex;

        public string Execute(DataDrivenCommand command)
        {
            var change = new ConfigurationChange([.. string.Join(' ', command.Input).Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(Step)]);
            string? refusal;
            var next = command.Name switch
            {
                "simple" => ConfigurationChanger.Simple(_configuration, change, out refusal),
                "enter-joint" => ConfigurationChanger.EnterJoint(_configuration, change, command.One("autoleave") == "true", out refusal),
                "leave-joint" => ConfigurationChanger.LeaveJoint(_configuration, out refusal),
                _ => throw new ArgumentException($"unknown command {command.Name}"),
            };
            var from = Math.Max(_lastIndex++, 1);
            if (next is null)
                return refusal!;
            _configuration = next;
            Follow(next, from);
            return Picture();
        }

        // A leader keeps a progress for exactly the members; those that stay keep theirs.
        private void Follow(Configuration configuration, ulong from)
        {
            var members = configuration.Members();
            foreach (var gone in _next.Keys.Except(members).ToList())
                _next.Remove(gone);
            foreach (var member in members)
                _next.TryAdd(member, from);
        }

        private string Picture()
        {
            var text = new StringBuilder($"{_configuration}\n");
            foreach (var (node, next) in _next)
                text.Append(CultureInfo.InvariantCulture, $"{node}: StateProbe match=0 next={next}{(_configuration.Learners.Contains(node) ? " learner" : "")}\n");
            return text.ToString();
        }

        // "u" (update) changes nothing and has no counterpart here.
        private static IEnumerable<(ConfigurationStep, ulong)> Step(string word) => word[0] switch
        {
            'v' => [(ConfigurationStep.AddVoter, Node(word))],
            'l' => [(ConfigurationStep.AddLearner, Node(word))],
            'r' => [(ConfigurationStep.Remove, Node(word))],
            _ => [],
        };

        private static ulong Node(string word) => ulong.Parse(word.AsSpan(1), CultureInfo.InvariantCulture);
    }
}
