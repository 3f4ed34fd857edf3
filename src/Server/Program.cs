using RaftKv.Server.Cli;

return await CommandLine.RunAsync(args);
