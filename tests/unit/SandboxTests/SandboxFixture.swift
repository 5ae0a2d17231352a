import Glibc
import JSON
import Logging
import Model
import Sandbox
import Testing

/// Runs programs against the real worker, which the package builds beside the tests.
enum SandboxFixture {
    /// The folder of the test executable, which is where the package manager puts the worker too.
    static let productsFolder: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
    }()

    /// Patient, since many sandboxes start at once on what may be a busy machine.
    static var configuration: SandboxConfiguration {
        var configuration = SandboxConfiguration(workerPath: self.productsFolder + "/sandbox-worker")
        configuration.startTimeout = .seconds(60)
        configuration.maxQueueTime = .seconds(120)
        configuration.translationTimeout = .seconds(30)
        return configuration
    }

    /// The sandbox of the suite, for tests that need none of their own.
    @TaskLocal static var shared: SandboxHost?

    /// Runs `body` with the suite's sandbox, or where there is none with one of its own.
    static func withSandbox<Result: Sendable>(_ body: (SandboxHost) async throws -> Result) async throws -> Result {
        if let shared = self.shared { return try await body(shared) }
        return try await self.withSandbox(self.configuration, body)
    }

    /// Runs `body` with a sandbox of its own, and ends the sandbox afterwards.
    static func withSandbox<Result: Sendable>(
        _ configuration: SandboxConfiguration, _ body: (SandboxHost) async throws -> Result
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
        // On a busy machine a second of processor time may take half a minute.
        limits.wallTime = .seconds(240)
        change(&limits)
        return SandboxProgram(source: source, limits: limits, seed: seed, startTime: self.startTime)
    }
}

/// Gives the tests of a suite one sandbox together, so that each of them does not start a fork server and a TypeScript service.
struct SharedSandbox: SuiteTrait, TestScoping {
    func provideScope(for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void) async throws
    {
        try await SandboxFixture.withSandbox(SandboxFixture.configuration) { sandbox in
            try await SandboxFixture.$shared.withValue(sandbox) { try await function() }
        }
    }
}

extension Trait where Self == SharedSandbox {
    /// One sandbox for the whole suite.
    static var sharedSandbox: Self { Self() }
}

extension SandboxHost {
    /// Runs a program whose tools all give back their argument.
    func run(_ source: String, _ change: (inout SandboxLimits) -> Void = { _ in }) async throws(SandboxError) -> SandboxRunReport {
        try await self.run(SandboxFixture.program(source, change)) { call in .value(call.argument ?? JSONText(.null)) }
    }

    /// Why a program was ended; nil if it came to its own end.
    func failure(
        of source: String, _ change: (inout SandboxLimits) -> Void = { _ in }, onLog: @Sendable @escaping () -> Void = {}
    ) async -> SandboxError? {
        do throws(SandboxError) {
            _ = try await self.run(SandboxFixture.program(source, change)) { call in
                .value(call.argument ?? JSONText(.null))
            } onLog: { _ in
                onLog()
            }
            return nil
        } catch {
            return error
        }
    }

    /// The result of a program as JSON text; `undefined` for none. What a program throws becomes `name: message`.
    func result(of source: String, _ change: (inout SandboxLimits) -> Void = { _ in }) async throws(SandboxError) -> String {
        switch try await self.run(source, change).outcome {
        case .returned(let value): value?.string ?? "undefined"
        case .threw(let thrown): "\(thrown.name): \(thrown.message)"
        }
    }
}
