package import Logging
package import ServiceLifecycle
import UnixSignals

/// Runs the services of one process until it is told to stop, the same way in every executable.
///
/// SIGTERM and SIGINT begin a graceful shutdown in reverse order of `services`; whoever has not ended after `drain` is cancelled, and a
/// service that fails or returns takes the rest down with it, because half a process serves nobody.
package struct ServiceRunner: Sendable {
    private let drain: Duration
    private let logger: Logger

    package init(drain: Duration, logger: Logger) {
        self.drain = drain
        self.logger = logger
    }

    /// Returns after a clean stop; throws what the first failing service threw.
    package func run(_ services: [any ServiceLifecycle.Service]) async throws {
        var configuration = ServiceGroupConfiguration(
            services: services.map {
                .init(
                    service: $0, successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .gracefullyShutdownGroup)
            },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: self.logger
        )
        configuration.maximumGracefulShutdownDuration = self.drain
        configuration.maximumCancellationDuration = .seconds(5)
        try await ServiceGroup(configuration: configuration).run()
    }
}
