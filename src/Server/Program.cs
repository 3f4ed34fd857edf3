using RaftKv.Server.Cli;

return await CommandLineRoot.RunAsync(args, Console.Error);
