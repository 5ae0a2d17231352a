import NIOCore
import Synchronization

/// The current one of something that comes and goes: a process that is replaced when it dies. Whoever needs it while there is none waits.
final class Slot<Value: AnyObject & Sendable>: Sendable {
    private struct State {
        var value: Value?
        var nextWaiter = 0
        var waiters: [Int: OneShot<Value?>] = [:]
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop

    /// Makes an empty slot whose time-outs run on the given loop.
    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Sets the current value and hands it to everybody who waits.
    func set(_ value: Value) {
        let waiters = self.state.withLock { state in
            state.value = value
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resolve(value) }
    }

    /// Takes a value out that is of no more use, unless another has taken its place.
    func remove(_ value: Value) {
        self.state.withLock { state in
            if state.value === value { state.value = nil }
        }
    }

    /// The current value, waiting for one if need be; nil when time is up or the task is cancelled. Callers are bounded by admission.
    func value(waitingAtMost patience: Duration) async -> Value? {
        let waiter = OneShot<Value?>()
        let (value, key) = self.state.withLock { state -> (Value?, Int) in
            if let value = state.value { return (value, 0) }
            state.nextWaiter += 1
            state.waiters[state.nextWaiter] = waiter
            return (nil, state.nextWaiter)
        }
        if let value { return value }
        let timeout = self.eventLoop.scheduleTask(in: TimeAmount(patience)) { _ = waiter.resolve(nil) }
        let result = await withTaskCancellationHandler {
            await waiter.value()
        } onCancel: {
            waiter.resolve(nil)
        }
        timeout.cancel()
        self.state.withLock { _ = $0.waiters.removeValue(forKey: key) }
        return result
    }
}
