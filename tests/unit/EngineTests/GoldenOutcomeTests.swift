import Engine
import JSON
import Model
import Sandbox
import Store
import TestSupport
import Testing

/// The outcomes of executions, which are stored as they were answered and shown as they are stored.
@Suite struct GoldenOutcomeTests {
    private static let name = ExecutionID(trusted: "exe_01890a5d-ac96-774b-bcce-b302099a8057")

    @Test("Outcomes are written as their version says: completed, failed and interrupted ones")
    func writing() async throws {
        let output = SandboxOutput(
            emitted: [JSONText(["type": "text", "text": "shown"])], logs: [SandboxLogLine(level: .log, text: "a line")])
        func answer(_ outcome: SandboxOutcome) async throws -> JSONText {
            let sandbox = ScriptedSandbox { _ in SandboxRunReport(outcome: outcome, output: output) }
            return try await EngineHarness().engine(sandbox).execute("return 1", as: Self.name).toolResult
        }
        let calls = CallReport([
            .init(sequence: 1, address: "notes.org.main.list", effect: .read, outcome: .done),
            .init(sequence: 2, address: "notes.org.main.create", effect: .write, outcome: .outcomeUnknown),
        ])
        let outcomes = [
            try await answer(.returned(JSONText(["n": 1]))), try await answer(.returned(nil)),
            try await answer(.threw(SandboxThrown(name: "TypeError", message: "no", stack: "", line: nil, column: nil))),
            ExecutionAnswer.interrupted(Self.name, calls, limits: AnswerLimits()).toolResult,
        ]
        let text = JSONValue.array(try outcomes.map { try $0.value() }).prettyText() + "\n"
        #expect(try Golden.has(text, as: "outcome.\(RecordVersions.current.execution).json"))
        #expect(Golden.versions(of: "outcome", "json") == Array(1...Int(RecordVersions.current.execution)))
    }
}
