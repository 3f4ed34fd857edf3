using RaftKv.Server.Cli;

// Socket completions run on the thread that polls: nothing behind them blocks, and a hop to a pool thread per read costs more than the request. Read once, before the first socket.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
return await CommandLineRoot.RunAsync(args, Console.Error);
