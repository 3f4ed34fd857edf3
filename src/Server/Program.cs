using RaftKv.Server.Cli;

// Socket completions run on the thread that polls: a hop to a pool thread per read costs more than the
// request. The price: a GET whose record lies on disk holds that thread, and the peers' sockets with it, for as long as the disk takes. Read once, before the first socket.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
return await CommandLineRoot.RunAsync(args, Console.Error);
