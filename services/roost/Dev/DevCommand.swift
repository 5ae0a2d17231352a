import ArgumentParser
import Database
import Foundation
import Installation
import Logging
import Model
import Service
import ServiceLifecycle
import Store
import SystemPackage

/// `roost dev`: both services on this machine, kept running.
struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract: "Runs both services on this machine, with SQLite, until Ctrl-C.",
        discussion: """
            ROOST_PORT (default 4400; 0 takes a free one) is the port of the MCP endpoint, the REST API and the start page, and \
            ROOST_DATA_DIR (default .roost) the folder with database, keys and logs. Every other ROOST_… variable goes to both services; \
            ROOST_DATABASE_URL names another database than the folder's.
            """
    )

    func run() async throws {
        do {
            try await self.supervise()
        } catch let error as UsageError {
            throw Failure.usage("\(error)")
        } catch let error as InstallationError {
            throw Failure.usage("\(error)")
        } catch let error as ConfigurationError {
            throw Failure.usage("\(error)")
        } catch let error as DatabaseError {
            throw Failure.usage("The database: \(error.message) (\(error.code)).")
        } catch let error as StoreError {
            throw Failure.usage("The database: \(error.message).")
        }
    }

    private func supervise() async throws {
        let plan = try DevPlan(environment: ProcessInfo.processInfo.environment)
        let folder = try DataFolder(path: plan.dataFolder)
        try PortCheck.requireFree(plan.port)
        let settings = try await InstallationSettings.load(environment: plan.environment)
        if case .postgreSQL = settings.database.place {
            try await Operation.withDatabase(settings, asOwner: true) { database in
                _ = try await Store(database: database).migrate(serviceRole: settings.database.serviceRole)
            }
        }
        let keys = try await Bootstrap(settings: settings, keysFile: plan.keysFile).run()
        let logger = settings.log.bootstrap(label: "roost-dev")
        let children = ["session-service", "api-gateway"].map { name in
            ChildProcess(
                name: name, executable: FilePath(ExecutableFolder.path).appending(name), environment: plan.serviceEnvironment,
                log: ServiceLog(path: folder.path.appending("logs").appending("\(name).log")), grace: settings.gateway.drain + .seconds(5),
                restart: .init(), logger: logger)
        }
        let announcement = Announcement(
            url: settings.gateway.origin, keys: keys, logs: folder.path.appending("logs").string, since: .now(), settings: settings,
            logger: logger)
        let lifeline: [any ServiceLifecycle.Service] = plan.exitsWithStandardInput ? [Lifeline()] : []
        try await ServiceRunner(drain: settings.gateway.drain + .seconds(15), logger: logger).run(children + [announcement] + lifeline)
        // Held until the children are gone.
        withExtendedLifetime(folder) {}
    }
}

/// A failure that the command line shows as a sentence, without a usage text.
enum Failure {
    static func usage(_ text: String) -> any Error {
        ValidationFailure(text: text)
    }

    private struct ValidationFailure: Error, LocalizedError, CustomStringConvertible {
        let text: String
        var errorDescription: String? { self.text }
        var description: String { self.text }
    }
}
