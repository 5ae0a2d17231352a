import Foundation
import Testing

@testable import Installation

@Suite struct ConfigurationReferenceTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    @Test("docs/configuration.md is what `roost configuration` prints")
    func document() async throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
        let expected = try await ConfigurationReference.markdown() + "\n"
        #expect(text == expected, "run `roost configuration > docs/configuration.md`")
    }

    @Test("the sample configuration has no fault, in the environment of a fresh installation")
    func sample() async throws {
        let path = Self.root.appendingPathComponent("deploy/roost.sample.yaml").path
        let settings = try await InstallationSettings.load(environment: ["ROOST_CONFIG": path])
        #expect(settings.database.path.hasPrefix("/"))
    }

    @Test("nothing configured is three faults at once, by key")
    func required() async throws {
        let error = await #expect(throws: (any Error).self) { _ = try await InstallationSettings.load(environment: [:]) }
        let text = "\(error.map { "\($0)" } ?? "")"
        for key in ["roost.database.url", "roost.vault.key_file", "roost.channel.key_file"] { #expect(text.contains(key)) }
    }
}
