import ArgumentParser
import Foundation
import Installation
import Sessions

/// The executable of the session-service.
@main
struct SessionServiceMain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session-service",
        abstract: "Keeps MCP sessions alive and runs their programs.",
        discussion: ServiceMain.help,
        version: ServiceMain.version
    )

    func run() async throws {
        try await ServiceMain.run(label: "session-service", drain: { $0.sessions.drain }) { settings, logger in
            try await SessionServer.make(settings, version: ServiceMain.version, logger: logger).services
        }
    }
}
