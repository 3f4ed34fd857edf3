using System.Globalization;
using System.Text;
using RaftKv.Server.Resp.Execution;
using RaftKv.Server.Resp.Protocol;

namespace RaftKv.Server.Resp.Commands;

/// <summary>What a node tells of itself, in the forms that Redis clients and tools look for.</summary>
internal static class ServerCommands
{
    public static void Time(RespSession session, RespArguments a)
    {
        var now = session.Server.Clock.GetUtcNow() - DateTimeOffset.UnixEpoch;
        var microseconds = now.Ticks / TimeSpan.TicksPerMicrosecond;
        session.Writer.Array(2);
        session.Writer.Bulk((microseconds / 1_000_000).ToString(CultureInfo.InvariantCulture));
        session.Writer.Bulk((microseconds % 1_000_000).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>WAIT needs no waiting: a write is answered once it is on a majority. The reply is how many nodes that is beside the one that leads.</summary>
    public static void Wait(RespSession session, RespArguments a)
    {
        if (!RespNumbers.TryParse(a[1], out _))
        {
            session.Writer.Error(Replies.NotAnInteger);
            return;
        }
        if (!RespNumbers.TryParse(a[2], out var timeout))
        {
            session.Writer.Error("ERR timeout is not an integer or out of range");
            return;
        }
        if (timeout < 0)
        {
            session.Writer.Error("ERR timeout is negative");
            return;
        }
        var group = session.Server.Describe().Groups.FirstOrDefault(g => g.Id == session.Server.Router.DefaultGroup);
        session.Writer.Integer(group is null ? 0 : group.Voters.Count / 2);
    }

    /// <summary>CONFIG GET pattern...: a few settings, so that tools which ask for them are content. Nothing can be set here.</summary>
    public static void Config(RespSession session, RespArguments a)
    {
        if (a.Is(1, "GET"u8) && a.Count >= 3)
        {
            var limits = session.Server.Limits;
            (string Name, string Value)[] settings =
            [
                ("save", ""), ("appendonly", "yes"), ("appendfsync", "always"), ("databases", "1"), ("maxmemory", "0"), ("maxmemory-policy", "noeviction"),
                ("timeout", "0"), ("maxclients", session.Clients.MaxClients.ToString(CultureInfo.InvariantCulture)), ("maxmemory-clients", session.Clients.MaxHeldBytes.ToString(CultureInfo.InvariantCulture)), ("io-threads", "1"), ("cluster-enabled", "no"), ("requirepass", ""),
                ("proto-max-bulk-len", limits.MaxValueBytes.ToString(CultureInfo.InvariantCulture)),
                ("client-query-buffer-limit", limits.MaxCommandBytes.ToString(CultureInfo.InvariantCulture)),
            ];
            var isFound = new bool[settings.Length];
            for (var i = 2; i < a.Count; i++)
            {
                // No setting has a name so long, and no pattern so long is worth a table.
                if (a[i].Length > GlobPattern.MaxBytes)
                    continue;
                var pattern = new GlobPattern(Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(a[i]).ToLowerInvariant()));
                for (var k = 0; k < settings.Length; k++)
                    isFound[k] |= pattern.Matches(Encoding.ASCII.GetBytes(settings[k].Name));
            }
            var found = settings.Where((_, k) => isFound[k]).ToList();
            session.Writer.Map(found.Count);
            foreach (var (name, value) in found)
            {
                session.Writer.Bulk(name);
                session.Writer.Bulk(value);
            }
        }
        else if (a.Is(1, "SET"u8) && a.Count >= 4)
            session.Writer.Error("ERR CONFIG SET is not supported: settings come from the command line and its --config file");
        else if (a.Is(1, "RESETSTAT"u8) && a.Count == 2)
            session.Writer.Ok();
        else if (a.Is(1, "GET"u8) || a.Is(1, "SET"u8) || a.Is(1, "RESETSTAT"u8))
            session.Writer.Error($"ERR wrong number of arguments for 'config|{Encoding.ASCII.GetString(a[1]).ToLowerInvariant()}' command");
        else
            session.Writer.Error(CommandIndex.UnknownSubcommand(a));
    }

    /// <summary>INFO [section...]</summary>
    public static void Info(RespSession session, RespArguments a)
    {
        var text = new StringBuilder();
        foreach (var (section, write) in Sections)
        {
            if (!Wants(a, section))
                continue;
            if (text.Length > 0)
                text.Append("\r\n");
            text.Append(CultureInfo.InvariantCulture, $"# {section}\r\n");
            write(session, text);
        }
        session.Writer.Text(text.ToString());
    }

    private static readonly (string Section, Action<RespSession, StringBuilder> Write)[] Sections =
    [
        ("Server", static (session, text) =>
        {
            var uptime = (long)(session.Server.Clock.GetUtcNow() - session.Server.StartedAt).TotalSeconds;
            Line(text, "redis_version", ConnectionCommands.RedisVersion);
            Line(text, "redis_mode", "standalone");
            Line(text, "raftkv_version", session.Server.Version);
            Line(text, "raftkv_node", session.Server.NodeName);
            Line(text, "os", Environment.OSVersion.Platform);
            Line(text, "arch_bits", 64);
            Line(text, "process_id", Environment.ProcessId);
            Line(text, "uptime_in_seconds", uptime);
            Line(text, "uptime_in_days", uptime / 86400);
        }),
        ("Clients", static (session, text) =>
        {
            Line(text, "connected_clients", session.Clients.Sessions.Count);
            Line(text, "maxclients", session.Clients.MaxClients);
            Line(text, "mem_clients_held", session.Clients.HeldBytes);
            Line(text, "rejected_connections", session.Clients.ConnectionsRefused);
        }),
        ("Memory", static (_, text) =>
        {
            Line(text, "used_memory", GC.GetTotalMemory(false));
            Line(text, "used_memory_rss", Environment.WorkingSet);
            Line(text, "maxmemory", 0);
            Line(text, "maxmemory_policy", "noeviction");
        }),
        ("Persistence", static (_, text) =>
        {
            Line(text, "loading", 0);
            Line(text, "aof_enabled", 1);
        }),
        ("Stats", static (session, text) =>
        {
            Line(text, "total_connections_received", session.Clients.ConnectionsReceived);
            Line(text, "total_commands_processed", session.Clients.CommandsProcessed);
        }),
        ("Replication", static (session, text) =>
        {
            Line(text, "role", "master");
            Line(text, "connected_slaves", Math.Max(session.Server.Describe().Nodes.Count(n => n.Alive) - 1, 0));
        }),
        ("Cluster", static (_, text) => Line(text, "cluster_enabled", 0)),
        ("RaftKv", static (session, text) =>
        {
            var cluster = session.Server.Describe();
            Line(text, "default_group", cluster.DefaultGroup);
            foreach (var group in cluster.Groups)
                text.Append(CultureInfo.InvariantCulture, $"group{group.Id}:leader={group.Leader},term={group.Term},commit={group.Commit},applied={group.Applied}\r\n");
        }),
    ];

    private static bool Wants(RespArguments a, string section)
    {
        if (a.Count == 1)
            return true;
        var name = Encoding.ASCII.GetBytes(section.ToUpperInvariant());
        for (var i = 1; i < a.Count; i++)
        {
            if (a.Is(i, name) || a.Is(i, "ALL"u8) || a.Is(i, "EVERYTHING"u8) || a.Is(i, "DEFAULT"u8))
                return true;
        }
        return false;
    }

    private static void Line<T>(StringBuilder text, string name, T value) => text.Append(CultureInfo.InvariantCulture, $"{name}:{value}\r\n");
}
