import ArgumentParser
import Installation

/// `roost configuration`: the reference of all keys, from which docs/configuration.md is made.
struct ConfigurationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configuration", abstract: "Prints every configuration key with its type, default and meaning, as Markdown."
    )

    func run() async throws {
        print(try await ConfigurationReference.markdown())
    }
}
