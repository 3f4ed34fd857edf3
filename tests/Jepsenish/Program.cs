using RaftKv.Tests.Jepsenish;

return await Commands.RunAsync(args);
