import Glibc
import JSON
import Logging
import Model
import Sandbox

/// Runs programs against the real worker, which the package builds beside the tests.
enum SandboxFixture {
    /// The folder of the test executable, which is where the package manager puts the worker too.
    static let productsFolder: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
    }()

    static var configuration: SandboxConfiguration { SandboxConfiguration(workerPath: self.productsFolder + "/sandbox-worker") }

    /// Runs `body` with a sandbox of its own, and ends the sandbox afterwards.
    static func withSandbox<Result: Sendable>(
        _ configuration: SandboxConfiguration = Self.configuration, _ body: (SandboxHost) async throws -> Result
    ) async throws -> Result {
        let host = SandboxHost(configuration: configuration, logger: Logger(label: "sandbox-tests"))
        return try await withThrowingTaskGroup { group in
            group.addTask { try await host.run() }
            let result = try await body(host)
            group.cancelAll()
            return result
        }
    }

    /// The start time that programs get unless a test cares.
    static let startTime = Timestamp(microseconds: 1_700_000_000_000_000)

    static func program(_ source: String, seed: UInt64 = 1, _ change: (inout SandboxLimits) -> Void = { _ in }) -> SandboxProgram {
        var limits = SandboxLimits()
        change(&limits)
        return SandboxProgram(source: source, limits: limits, seed: seed, startTime: self.startTime)
    }
}

extension SandboxHost {
    /// Runs a program whose tools all give back their argument.
    func run(_ source: String, _ change: (inout SandboxLimits) -> Void = { _ in }) async throws(SandboxError) -> SandboxRunReport {
        try await self.run(SandboxFixture.program(source, change)) { call in .value(call.argument ?? JSONText(.null)) }
    }

    /// The result of a program as JSON text; `undefined` for none. What a program throws becomes `name: message`.
    func result(of source: String, _ change: (inout SandboxLimits) -> Void = { _ in }) async throws(SandboxError) -> String {
        switch try await self.run(source, change).outcome {
        case .returned(let value): value?.string ?? "undefined"
        case .threw(let thrown): "\(thrown.name): \(thrown.message)"
        }
    }
}
