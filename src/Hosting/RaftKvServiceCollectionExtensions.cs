using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace RaftKv.Hosting;

/// <summary>Embeds RaftKv in a service.</summary>
public static class RaftKvServiceCollectionExtensions
{
    /// <summary>
    /// Runs a node inside this process: it starts before the application takes requests and stops, handing its leaderships over, when the application does.
    /// Inject <see cref="Tenant"/> for state, or <see cref="RaftKvNode"/> for the node.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Sets name, data directory and members.</param>
    /// <exception cref="ArgumentException">At the start of the application: an option is out of range.</exception>
    public static IServiceCollection AddRaftKv(this IServiceCollection services, Action<RaftKvOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.Configure(configure);
        services.TryAddSingleton<RaftKvHostedService>();
        services.AddHostedService(provider => provider.GetRequiredService<RaftKvHostedService>());
        services.TryAddSingleton(provider => provider.GetRequiredService<RaftKvHostedService>().Node);
        services.TryAddSingleton(provider => provider.GetRequiredService<RaftKvNode>().DefaultTenant);
        return services;
    }
}
