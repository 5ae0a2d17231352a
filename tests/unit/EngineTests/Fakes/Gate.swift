/// Lets waiters through once it was opened; a cancelled waiter goes through at once.
struct Gate: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (self.stream, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1)) }

    func open() {
        self.continuation.yield(())
        self.continuation.finish()
    }

    /// For one waiter.
    func wait() async {
        for await _ in self.stream { return }
    }
}
