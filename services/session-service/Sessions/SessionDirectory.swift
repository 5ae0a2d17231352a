import Model
import Store
import Synchronization

/// The sessions in memory, by the hash of their id.
///
/// Who uses a session pins it; a pinned one is never suspended. The count is bounded: a new one beyond it takes the place of the one that was
/// unused longest. Times are durations on one monotonic clock.
final class SessionDirectory: Sendable {
    private struct Entry {
        let session: Session
        var pins: Int
        var lastUsed: Duration
        var lastTouched: Duration

        /// Tells whether its use is to be noted in its row.
        mutating func pin(at now: Duration, touchedEvery interval: Duration) -> Bool {
            self.pins += 1
            self.lastUsed = now
            guard now - self.lastTouched >= interval else { return false }
            self.lastTouched = now
            return true
        }

        /// Tells whether that was the last pin.
        mutating func unpin(at now: Duration) -> Bool {
            self.pins -= 1
            self.lastUsed = now
            return self.pins == 0
        }
    }

    /// A session that is not in memory any more and whose row is about to be given back.
    private enum Leaving {
        /// Nothing was done yet: whoever uses the session takes it back.
        case waiting
        /// The row is being written; whoever uses the session waits for that.
        case underWay([Int: CheckedContinuation<Void, Never>])
    }

    private struct State {
        var leaving: [SecretHash: Leaving] = [:]
        var lastWaiter = 0
        var entries: [SecretHash: Entry] = [:]
        var hashes: [SessionRecordID: SecretHash] = [:]
        var isHandingOver = false
    }

    private let maxCount: Int
    private let touchInterval: Duration
    private let state = Mutex(State())

    init(maxCount: Int, touchInterval: Duration) {
        self.maxCount = maxCount
        self.touchInterval = touchInterval
    }

    /// How many sessions are in memory.
    var count: Int { self.state.withLock { $0.entries.count } }

    /// Finds a session that is owned under `lease`, and pins it; tells whether its use is to be noted in its row. One that is held under
    /// another lease is forgotten, because it may be somebody else's by now.
    func pin(_ hash: SecretHash, lease: ReplicaLease, at now: Duration) -> (session: Session, isTouchDue: Bool)? {
        self.state.withLock { state in
            // Changed where they are: every message comes through here twice.
            guard let index = state.entries.index(forKey: hash) else { return nil }
            let session = state.entries.values[index].session
            guard session.lease == lease else {
                Self.remove(session, from: &state)
                return nil
            }
            return (session, state.entries.values[index].pin(at: now, touchedEvery: self.touchInterval))
        }
    }

    /// Adds a session and pins it, or pins the equal one that another request added meanwhile. Beyond the bound the session unused longest
    /// is taken out and given back, for its row to be released; nil for `session` when all are in use.
    func insert(_ session: Session, at now: Duration) -> (session: Session?, suspended: Session?) {
        self.state.withLock { state in
            switch state.leaving[session.hash] {
            // Its row is being given back at this moment, and may be somebody else's in the next.
            case .underWay: return (nil, nil)
            case .waiting: state.leaving[session.hash] = nil
            case nil: break
            }
            if var entry = state.entries[session.hash], entry.session.lease == session.lease {
                entry.pins += 1
                entry.lastUsed = now
                state.entries[session.hash] = entry
                return (entry.session, nil)
            }
            var suspended: Session?
            if state.entries.count >= self.maxCount {
                let unused = state.entries.values.lazy.filter { $0.pins == 0 }.min { $0.lastUsed < $1.lastUsed }
                guard let unused else { return (nil, nil) }
                suspended = unused.session
                Self.leave(unused.session, &state)
            }
            state.entries[session.hash] = Entry(session: session, pins: 1, lastUsed: now, lastTouched: now)
            state.hashes[session.record] = session.hash
            return (session, suspended)
        }
    }

    /// Pins a session once more, for a call that outlives its request, or a stream; false when it is not here any more.
    @discardableResult
    func pinAgain(_ session: Session) -> Bool {
        self.state.withLock { state in
            guard state.entries[session.hash]?.session === session else { return false }
            state.entries[session.hash]?.pins += 1
            return true
        }
    }

    /// Takes one pin off. Gives the session back when that was the last and it is to be handed over; it is taken out then.
    func unpin(_ session: Session, at now: Duration) -> Session? {
        self.state.withLock { state in
            guard let index = state.entries.index(forKey: session.hash), state.entries.values[index].session === session else { return nil }
            let isUnused = state.entries.values[index].unpin(at: now)
            guard state.isHandingOver, isUnused else { return nil }
            Self.leave(session, &state)
            return session
        }
    }

    /// Takes out the sessions that nobody uses, and from now on each of the others with the end of its last use.
    func handOver() -> [Session] {
        self.state.withLock { state in
            state.isHandingOver = true
            let unused = state.entries.values.filter { $0.pins == 0 }.map(\.session)
            for session in unused { Self.leave(session, &state) }
            return unused
        }
    }

    /// Takes a session out, whoever uses it.
    @discardableResult
    func remove(_ record: SessionRecordID) -> Session? {
        self.state.withLock { state in
            guard let session = state.hashes[record].flatMap({ state.entries[$0]?.session }) else { return nil }
            Self.remove(session, from: &state)
            return session
        }
    }

    /// Takes a session out that nobody uses; false when somebody does, or it is not here.
    func removeUnused(_ session: Session) -> Bool {
        self.state.withLock { state in
            guard let entry = state.entries[session.hash], entry.session === session, entry.pins == 0 else { return false }
            Self.leave(session, &state)
            return true
        }
    }

    /// Takes out the sessions that nobody has used since `time`.
    func removeUnused(since time: Duration) -> [Session] {
        self.state.withLock { state in
            let unused = state.entries.values.filter { $0.pins == 0 && $0.lastUsed < time }.map(\.session)
            for session in unused { Self.leave(session, &state) }
            return unused
        }
    }

    // MARK: - Giving rows back

    /// Says that the row of a session which is not here is to be given back; false when the session is here, because another request was
    /// faster.
    func willLeave(_ hash: SecretHash) -> Bool {
        self.state.withLock { state in
            guard state.entries[hash] == nil, state.leaving[hash] == nil else { return false }
            state.leaving[hash] = .waiting
            return true
        }
    }

    /// Begins to give a row back; false when somebody took the session back meanwhile.
    func beginLeaving(_ hash: SecretHash) -> Bool {
        self.state.withLock { state in
            guard case .waiting = state.leaving[hash] else { return false }
            state.leaving[hash] = .underWay([:])
            return true
        }
    }

    /// Says that a row was given back, or will not be.
    func endLeaving(_ hash: SecretHash) {
        let left = self.state.withLock { $0.leaving.removeValue(forKey: hash) }
        guard case .underWay(let waiters) = left else { return }
        for waiter in waiters.values { waiter.resume() }
    }

    /// Takes a session back whose row was to be given back, and waits for one whose row is being written; less when the task is cancelled.
    func untilStaying(_ hash: SecretHash) async {
        let id = self.state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isWaiting = self.state.withLock { state in
                    switch state.leaving[hash] {
                    case nil: return false
                    case .waiting:
                        state.leaving[hash] = nil
                        return false
                    case .underWay(var waiters):
                        // Cancellation that came before the continuation was there is seen here; later it is seen by the handler.
                        guard !Task.isCancelled else { return false }
                        waiters[id] = continuation
                        state.leaving[hash] = .underWay(waiters)
                        return true
                    }
                }
                if !isWaiting { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard case .underWay(var waiters) = state.leaving[hash], let waiter = waiters.removeValue(forKey: id) else { return nil }
                state.leaving[hash] = .underWay(waiters)
                return waiter
            }?.resume()
        }
    }

    private static func leave(_ session: Session, _ state: inout State) {
        self.remove(session, from: &state)
        state.leaving[session.hash] = .waiting
    }

    private static func remove(_ session: Session, from state: inout State) {
        guard state.entries[session.hash]?.session === session else { return }
        state.entries[session.hash] = nil
        state.hashes[session.record] = nil
    }
}
