import Foundation
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// The README's own commands under "Try it", in their order, against a Roost that runs.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ReadmeTests {
    @Test("what the README tells a newcomer to paste works")
    func tryIt() async throws {
        let readme = try String(contentsOfFile: Program.root.appending("README.md").string, encoding: .utf8)
        let section = try #require(readme.components(separatedBy: "## Try it").last?.components(separatedBy: "## Read on").first)
        let blocks = section.components(separatedBy: "```sh\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
        // Starting the API and Roost with it is the one thing that the test does in its own way.
        let commands = blocks.filter { !$0.contains("make run") }
        try #require(commands.count == 3)
        try await NotesAPI.with { notes in
            try await RunningRoost.with(["ROOST_EGRESS_ALLOW": notes.address]) { roost in
                let first = try await Self.paste(commands[0], roost, notes)
                #expect(first.contains("roost.org.main.policies.list"), "\(first)")
                _ = try await Self.paste(commands[1], roost, notes)
                // The policy of the second block binds within a second.
                _ = try await eventually(within: .seconds(5)) {
                    try await Self.paste(commands[2], roost, notes).contains("Written by an agent") ? true : nil
                }
            }
        }
    }

    /// Runs a block in a shell, with the addresses and keys of this run in the place of the README's.
    private static func paste(_ block: String, _ roost: RunningRoost, _ notes: NotesAPI) async throws -> String {
        let commands =
            block.split(separator: "\n").filter { !$0.hasPrefix("export ") && !$0.hasPrefix("make client") }.joined(separator: "\n")
            .replacingOccurrences(of: "http://127.0.0.1:4400", with: roost.url).replacingOccurrences(
                of: "127.0.0.1:9100", with: notes.address)
        let outcome = try await Program.run(
            "/bin/bash", ["-euc", "cd '\(Program.root)'\n" + commands],
            environment: ["AGENT_KEY": roost.agentKey, "ADMIN_KEY": roost.adminKey])
        try #require(outcome.status.isSuccess, "\(outcome.errors)")
        return outcome.output
    }
}
