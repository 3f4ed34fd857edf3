using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using RaftKv.Hosting.Node;

namespace RaftKv.Hosting;

/// <summary>Embeds RaftKv in a service.</summary>
public static class RaftKvServiceCollectionExtensions
{
    /// <summary>
    /// Runs a node inside this process: it starts before the application's hosted services and stops, transferring its leaderships, after them, whatever the order of registration.
    /// Inject <see cref="Tenant"/> for state, or <see cref="RaftKvNode"/> for the node; both may be used at once: what is asked of them before the node has started waits for it.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Sets name, data directory and members.</param>
    /// <exception cref="ArgumentException">At the start of the application: an option is out of range.</exception>
    public static IServiceCollection AddRaftKv(this IServiceCollection services, Action<RaftKvOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.Configure(configure);
        services.TryAddSingleton(provider => RaftKvNode.ForHost(provider.GetRequiredService<IOptions<RaftKvOptions>>().Value));
        services.AddHostedService<RaftKvHostedService>();
        services.TryAddSingleton(provider => provider.GetRequiredService<RaftKvNode>().DefaultTenant);
        return services;
    }
}
