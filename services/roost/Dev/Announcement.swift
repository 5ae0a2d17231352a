import Database
import Identity
import Installation
import Logging
import Model
import ServiceLifecycle
import Store
import SystemPackage

/// Tells the person at the terminal where everything is, as soon as both services are registered.
///
/// Written straight to the descriptor: standard output to a pipe is buffered by blocks, and who waits for the lines must not wait for
/// the process to end.
struct Announcement: ServiceLifecycle.Service {
    let url: String
    let keys: Bootstrap.Keys
    let logs: String
    /// When the services were started.
    let since: Timestamp
    let settings: InstallationSettings
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            do {
                try await self.waitUntilReady()
                _ = try FileDescriptor.standardOutput.writeAll(self.text.utf8)
            } catch is CancellationError {
                return
            } catch {
                self.logger.error("The services cannot be watched", metadata: ["error": "\(error)"])
            }
            // The announcement is a member of the service group, and the first member that returns ends the group.
            try? await gracefulShutdown()
        }
    }

    private func waitUntilReady() async throws {
        let database = try await self.settings.database.open()
        do {
            let replicas = Store(database: database).replicas
            for kind in [Replica.Kind.sessionService, .apiGateway] {
                // Rows of an earlier run that was killed look alive until their lease ends.
                while try await !replicas.live(kind).contains(where: { $0.startedAt >= self.since }) {
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            try await database.close()
        } catch {
            try? await database.close()
            throw error
        }
    }

    private var text: String {
        """
        Roost is up. Ctrl-C stops it; logs are in \(self.logs).

        MCP URL: \(self.url)/mcp
        API key: \(self.keys.agent.secret.reveal())
        Admin key: \(self.keys.admin.secret.reveal())

        For an MCP client:
        {"mcpServers": {"roost": {"type": "http", "url": "\(self.url)/mcp", "headers": {"Authorization": "Bearer \(self.keys.agent.secret.reveal())"}}}}

        """
    }
}
