import Dispatch

/// Runs calls that block on a thread where that hurts nobody; the threads of the concurrency pool are few and must not block.
enum BlockingWork {
    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "roost.database.blocking").async {
                continuation.resume(with: Swift.Result { try body() })
            }
        }
    }
}
