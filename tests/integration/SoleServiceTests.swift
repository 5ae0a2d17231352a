import Foundation
import JSON
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// SQLite serves one session-service.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SoleServiceTests {
    private static func environment(_ folder: FilePath) -> [String: String] {
        [
            "ROOST_DATABASE_URL": "sqlite:\(folder)/roost.db", "ROOST_VAULT_KEY_FILE": "\(folder)/vault.key",
            "ROOST_CHANNEL_KEY_FILE": "\(folder)/channel.key",
        ]
    }

    @Test("a second session-service on a running installation's file ends at once with what to do; a killed one makes room")
    func second() async throws {
        try await RunningRoost.with { roost in
            let environment = Self.environment(roost.folder)
            let second = try await Program.run(Program.products.appending("session-service"), [], environment: environment)
            let first = try #require(try roost.services()["session-service"])
            #expect(second.status == .exited(78), "\(second.errors)")
            for words in ["process \(first)", "\(roost.folder)/roost.db", "PostgreSQL"] {
                #expect(second.errors.contains(words), "\(second.errors)")
            }
            // The tool is not affected.
            let doctor = try await Program.run(
                Program.products.appending("roost"), ["doctor"], environment: environment.merging(["ROOST_GATEWAY_PORT": "4400"]) { $1 })
            #expect(doctor.status.isSuccess, "\(doctor.output) \(doctor.errors)")

            kill(first, SIGKILL)
            let successor = try await eventually(within: .seconds(60)) {
                try roost.services()["session-service"].flatMap { $0 == first ? nil : $0 }
            }
            let session = try await eventually(within: .seconds(60)) { try? await roost.openSession() }
            let result = try await roost.execute("return 2", session: session)
            #expect(result["structuredContent"]?["result"]?.int == 2)
            #expect(try roost.services()["session-service"] == successor, "the successor was not refused")
        }
    }
}
