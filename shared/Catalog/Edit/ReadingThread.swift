import Dispatch

/// Reads documents on threads of their own: a large one takes seconds, in which it would hold a thread of the concurrency pool, of which
/// there are as many as cores, and with it everybody else's calls.
enum ReadingThread {
    /// Runs `body` there. How many run at once is ``ReadGate``'s to bound.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "roost.catalog.read", qos: .utility).async {
                continuation.resume(with: Result { try body() })
            }
        }
    }
}
