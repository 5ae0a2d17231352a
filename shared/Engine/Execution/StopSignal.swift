/// Why a run is stopped from outside.
enum StopReason: Sendable, Equatable {
    /// Somebody asked for it.
    case cancelled
    /// The task that waited for the answer was cancelled.
    case callerGone
    /// The caller's time is up.
    case timedOut
    /// The key that the program runs under was revoked.
    case revoked
    /// This process shuts down.
    case draining
    /// This process lost its lease, so that another one may already have ended the execution.
    case leaseLost
}

/// Stops one run once, from anywhere; the first reason counts.
struct StopSignal: Sendable {
    private let reasons: AsyncStream<StopReason>
    private let continuation: AsyncStream<StopReason>.Continuation

    init() {
        (self.reasons, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    func stop(_ reason: StopReason) {
        self.continuation.yield(reason)
        self.continuation.finish()
    }

    /// Waits until the run is stopped; ``StopReason/callerGone`` when the waiting task is cancelled. For one waiter.
    func reason() async -> StopReason {
        for await reason in self.reasons { return reason }
        return .callerGone
    }
}
