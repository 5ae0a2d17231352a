import ArgumentParser
import Foundation
import Installation
import JSON

/// `roost doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks at everything that an installation needs, and says what is wrong and what to do.",
        discussion: """
            Reads the same configuration as the services, which may be up or down; changes nothing and prints no secret. Exits with 0 when \
            nothing is broken, and with 1 otherwise.
            """
    )

    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let findings = await Doctor(environment: ProcessInfo.processInfo.environment).examine()
        let isHealthy = !findings.contains { $0.status == .fault }
        if self.json {
            let report: JSONValue = ["healthy": .bool(isHealthy), "findings": .array(findings.map(\.json))]
            print(report.prettyText())
        } else {
            for finding in findings {
                print("\(finding.status.rawValue): \(finding.part): \(finding.message)")
                if let remedy = finding.remedy { print("    \(remedy)") }
            }
        }
        if !isHealthy { throw ExitCode.failure }
    }
}
