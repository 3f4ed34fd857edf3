using System.CommandLine;
using RaftKv.Bench.Failover;
using RaftKv.Bench.Load;
using RaftKv.Bench.Micro;

var root = new RootCommand("RaftKv's measurements") { LoadCommand.Create(), FailoverCommand.Create(), MicroCommand.Create() };
return await root.Parse(args).InvokeAsync();
