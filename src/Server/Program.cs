using RaftKv.Server.Cli;

// Socket completions run on the thread that polls: a hop to a pool thread per read costs more than the request. So nothing that a connection does may block: a GET whose record lies on
// disk is submitted like a write, and read beside the shard (IOperationExecutor.TryReadLocal, DiskReads). The variable is read once, before the first socket.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
return await CommandLineRoot.RunAsync(args, Console.Error);
