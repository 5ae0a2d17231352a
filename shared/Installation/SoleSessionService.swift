import Database
import ServiceLifecycle
package import Store

/// Keeps a second session-service from a SQLite file: SQLite's writers stand in one line, and nothing tells the processes of changes.
///
/// It holds the place for as long as the process has services, and says so when they begin to stop. It has to be the last one that is
/// started, hence the first that hears of the end.
package struct SoleSessionService: ServiceLifecycle.Service {
    private let holder: SoleHolder

    /// Takes the place; nil on PostgreSQL, where any number may work.
    ///
    /// - Parameter drain: How long a predecessor that was told to stop may take.
    /// - Throws: ``InstallationError`` when another one has it.
    package static func take(_ settings: DatabaseSettings, drain: Duration) async throws -> SoleSessionService? {
        guard case .sqlite(let path, _) = settings.place else { return nil }
        do {
            return SoleSessionService(holder: try await SoleHolder.take("session-service", of: path, handover: drain + .seconds(10)))
        } catch let error as DatabaseError where error.code == .busy {
            throw InstallationError(
                "The database has its session-service: \(error.message), which serves one. Stop that one first, or keep state in "
                    + "PostgreSQL (roost.database.url), which serves several.")
        }
    }

    /// Ends the registration of a predecessor that could not do so itself: it is dead, for this process has its place. What it owned need not
    /// wait for its lease to lapse.
    package func forgetPredecessors(in store: Store) async throws { try await store.replicas.deregisterAll(.sessionService) }

    package func run() async throws {
        try? await gracefulShutdown()
        self.holder.announceEnd()
    }
}
