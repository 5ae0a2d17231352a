import JSON
import Sandbox

/// A sandbox that runs a Swift closure in place of JavaScript.
struct ScriptedSandbox: SandboxRunning {
    /// What a scripted program can do.
    struct Realm: Sendable {
        let program: SandboxProgram
        let onCall: @Sendable (SandboxCall) async -> SandboxReply

        /// Calls a tool and gives what the program would see.
        func call(_ path: String, _ argument: JSONValue? = nil, id: UInt32 = 1) async -> JSONValue {
            switch await self.onCall(SandboxCall(id: id, path: path, argument: argument.map(JSONText.init))) {
            case .value(let text):
                return (try? text.value()) ?? .null
            case .spliced(let pieces):
                let bytes = pieces.prefix + pieces.body.bytes + pieces.suffix
                return (try? JSONValue(parsing: bytes)) ?? "the pieces are not JSON"
            case .throwing(let name, let message):
                return ["thrown": .string(name), "message": .string(message)]
            }
        }
    }

    typealias Script = @Sendable (Realm) async throws(SandboxError) -> SandboxRunReport

    let script: Script

    init(_ script: @escaping Script) { self.script = script }

    /// A program that returns what the closure gives.
    static func returning(_ body: @escaping @Sendable (Realm) async -> JSONValue?) -> ScriptedSandbox {
        ScriptedSandbox { realm in SandboxRunReport(outcome: .returned(await body(realm).map(JSONText.init))) }
    }

    /// A program that never ends unless it is killed.
    static func endless(started: Gate) -> ScriptedSandbox {
        ScriptedSandbox { (_) async throws(SandboxError) -> SandboxRunReport in
            started.open()
            await Gate().wait()
            throw SandboxError(.cancelled, "killed", output: SandboxOutput(logs: [SandboxLogLine(level: .log, text: "so far")]))
        }
    }

    func run(
        _ program: SandboxProgram, onCall: @Sendable @escaping (SandboxCall) async -> SandboxReply,
        onLog: @Sendable @escaping (SandboxLogLine) -> Void
    ) async throws(SandboxError) -> SandboxRunReport {
        try await self.script(Realm(program: program, onCall: onCall))
    }
}
