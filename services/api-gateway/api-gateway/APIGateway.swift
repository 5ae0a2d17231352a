import ArgumentParser
import Foundation
import Gateway
import Installation

/// The executable of the api-gateway.
@main
struct APIGateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api-gateway",
        abstract: "Serves identity, the REST API and /mcp, and passes MCP sessions on to the session-service.",
        discussion: ServiceMain.help,
        version: ServiceMain.version
    )

    func run() async throws {
        try await ServiceMain.run(label: "api-gateway", drain: { $0.gateway.drain }) { settings, logger in
            try await Gateway.make(settings, version: ServiceMain.version, logger: logger).services
        }
    }
}
