import NIOCore
import Synchronization

/// Lets runs in as there is room, and has a bounded number of them wait a bounded time.
final class Admission: Sendable {
    private struct Shared {
        var state: AdmissionState
        var lastKey = 0
        var queued: [Int: OneShot<Entry>] = [:]
    }

    private enum Entry {
        case admitted, timedOut, cancelled
    }

    private let shared: Mutex<Shared>
    private let maxQueueTime: Duration
    private let eventLoop: any EventLoop

    init(configuration: SandboxConfiguration, coreCount: Int, eventLoop: any EventLoop) {
        self.shared = Mutex(
            Shared(
                state: AdmissionState(
                    maxRunning: configuration.maxRunningPerCore * coreCount, maxSeats: configuration.maxRuns,
                    maxQueued: configuration.maxQueued)))
        self.maxQueueTime = configuration.maxQueueTime
        self.eventLoop = eventLoop
    }

    /// Runs `body` with a seat, waiting for one if need be.
    func withSeat<Result>(_ body: (AdmissionSeat) async throws(SandboxError) -> Result) async throws(SandboxError) -> Result {
        let seat = try await self.enter()
        defer { seat.leave() }
        return try await body(seat)
    }

    private func enter() async throws(SandboxError) -> AdmissionSeat {
        let entry = OneShot<Entry>()
        let (decision, key) = self.shared.withLock { shared in
            shared.lastKey += 1
            let decision = shared.state.enter(key: shared.lastKey)
            if decision == .queued { shared.queued[shared.lastKey] = entry }
            return (decision, shared.lastKey)
        }
        switch decision {
        case .admitted:
            return AdmissionSeat(admission: self)
        case .refused:
            throw SandboxError(.capacity, "Too many programs run or wait at the moment. Try again later.")
        case .queued:
            break
        }
        let timeout = self.eventLoop.scheduleTask(in: TimeAmount(self.maxQueueTime)) { _ = entry.resolve(.timedOut) }
        defer { timeout.cancel() }
        let outcome = await withTaskCancellationHandler {
            await entry.value()
        } onCancel: {
            entry.resolve(.cancelled)
        }
        switch outcome {
        case .admitted: return AdmissionSeat(admission: self)
        case .timedOut, .cancelled: break
        }
        let hasLeft = self.shared.withLock { shared in
            shared.queued[key] = nil
            return shared.state.giveUp(key: key)
        }
        // The seat was given in the very moment in which the wait ended.
        if !hasLeft { AdmissionSeat(admission: self).leave() }
        if outcome == .cancelled { throw SandboxError(.cancelled, "The run was cancelled before it started.") }
        throw SandboxError(.capacity, "No room to run the program within \(self.maxQueueTime). Try again later.")
    }

    fileprivate func change(_ change: (inout AdmissionState) -> [Int]) {
        let admitted = self.shared.withLock { shared in
            change(&shared.state).compactMap { shared.queued.removeValue(forKey: $0) }
        }
        for entry in admitted { entry.resolve(.admitted) }
    }
}

/// One run's place among those that are admitted. Left exactly once.
final class AdmissionSeat: Sendable {
    private let admission: Admission
    private let isWaiting = Mutex(false)

    fileprivate init(admission: Admission) { self.admission = admission }

    /// Says whether the run waits for the host or computes.
    func setWaiting(_ isWaiting: Bool) {
        let hasChanged = self.isWaiting.withLock { current in
            defer { current = isWaiting }
            return current != isWaiting
        }
        if hasChanged { self.admission.change { $0.setWaiting(isWaiting) } }
    }

    fileprivate func leave() {
        let isWaiting = self.isWaiting.withLock { $0 }
        self.admission.change { $0.leave(isWaiting: isWaiting) }
    }
}
