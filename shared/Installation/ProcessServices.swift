import Database
import OperatorHTTP
import Replicas
import ServiceLifecycle

/// Closes the database when everything that uses it has ended; first in the order of starting, hence last in that of stopping.
struct DatabaseService: ServiceLifecycle.Service {
    let database: any Database

    func run() async throws {
        try? await gracefulShutdown()
        try await self.database.close()
    }
}

/// Ends the operator's HTTP client with the process.
struct OperatorHTTPService: ServiceLifecycle.Service {
    let client: OperatorHTTPClient

    func run() async throws {
        try? await gracefulShutdown()
        await self.client.shutdown()
    }
}

/// Says in the registry that this process takes no more work, as soon as it is told to stop.
struct DrainNotice: ServiceLifecycle.Service {
    let registration: ReplicaRegistration

    func run() async throws {
        try? await gracefulShutdown()
        self.registration.drain()
    }
}
