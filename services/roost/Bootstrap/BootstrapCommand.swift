import ArgumentParser
import Foundation
import Installation
import Logging

/// `roost bootstrap`.
struct BootstrapCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bootstrap",
        abstract: "Makes what a new installation needs: keys, database, one organization and its first API keys.",
        discussion: """
            Reads the same configuration as the services. What exists is kept, so it can be run again at any time. The API keys are \
            written to a file that only its owner can read, and nowhere else.
            """
    )

    @Option(help: "The file that the API keys are written to; by default `keys.json` beside the database.")
    var keysFile: String?

    func run() async throws {
        let settings = try await InstallationSettings.load(environment: ProcessInfo.processInfo.environment)
        let file = self.keysFile ?? Bootstrap.defaultKeysFile(settings)
        let keys = try await Bootstrap(settings: settings, keysFile: file).run()
        print("Organization \(keys.organization) is there. Its API keys stand in \(file).")
    }
}
