import ArgumentParser
import Installation
import Store

/// `roost migrate`.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Brings the database's schema to this version.",
        discussion: """
            Safe to run at any time and several times at once: one run works, the others wait. A step that fails leaves no trace.
            """
    )

    func run() async throws {
        try await Operation.run {
            let settings = try await Operation.settings()
            try await Operation.withDatabase(settings, asOwner: true) { database in
                let store = Store(database: database, limits: settings.store.limits)
                let ran = try await store.migrate(serviceRole: settings.database.serviceRole)
                print(ran.isEmpty ? "The schema is up to date." : "Ran the steps \(ran.joined(separator: ", ")).")
            }
        }
    }
}
