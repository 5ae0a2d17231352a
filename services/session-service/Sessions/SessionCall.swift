import MCP
import Model
import SessionAPI
import Synchronization

/// One call in flight: between the job that runs it, the request that waits for its answer, and whoever wants it stopped.
///
/// The job goes on when the request is gone, because a client that disconnects has not cancelled. At most one answer and one report of
/// progress wait for the client, so that a slow reader costs no more than that.
final class SessionCall: Sendable {
    /// Why a call was stopped from outside.
    enum StopReason: Sendable, Hashable {
        /// By its client, which then wants no answer.
        case cancelled
        /// Its session was closed.
        case sessionClosed
        /// The process is about to stop.
        case draining
        /// It took too long.
        case timedOut
    }

    /// How a call ended.
    enum Ending: Sendable {
        /// A result, and the room that it takes until it was read.
        case result(MCPToolResult, UnreadAnswers.Room?)
        case refusal(MCPError)
        /// The client wants no answer.
        case nothing
    }

    /// What the waiting request has to pass on next.
    enum Event: Sendable {
        case progress(value: Int, message: String?)
        case ended(Ending)
    }

    let number: MCPServerSession.CallNumber
    let id: JSONRPCID
    let request: MCPToolCall
    /// What its execution is called.
    let execution: ExecutionID
    private let state = Mutex(State())

    init(number: MCPServerSession.CallNumber, id: JSONRPCID, request: MCPToolCall, execution: ExecutionID) {
        self.number = number
        self.id = id
        self.request = request
        self.execution = execution
    }

    // MARK: - The job

    /// Ends the call; the first ending counts.
    func end(_ ending: Ending) {
        self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.ending == nil, !state.isAbandoned { state.ending = ending }
            return state.reader.take()
        }?.resume()
    }

    /// Waits until somebody wants the call stopped; nil when the waiting task is cancelled instead.
    func stopRequest() async -> StopReason? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isStored = self.state.withLock { state in
                    guard state.stopReason == nil, !Task.isCancelled else { return false }
                    state.stopper = continuation
                    return true
                }
                if !isStored { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.stopper.take() }?.resume()
        }
        return self.state.withLock { $0.stopReason }
    }

    // MARK: - Anybody

    /// Wants the call stopped; the first reason counts.
    func stop(_ reason: StopReason) {
        self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.stopReason == nil { state.stopReason = reason }
            return state.stopper.take()
        }?.resume()
    }

    // MARK: - The waiting request

    /// Waits until ``take()`` has something, or the waiting task is cancelled. One reader at a time.
    func ready() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isStored = self.state.withLock { state in
                    guard state.ending == nil, state.progress == nil, !Task.isCancelled else { return false }
                    state.reader = continuation
                    return true
                }
                if !isStored { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.reader.take() }?.resume()
        }
    }

    /// What is to be passed on now, progress before the end; nil when there is nothing yet.
    func take() -> Event? {
        self.state.withLock { state in
            if let progress = state.progress.take() { return .progress(value: progress.value, message: progress.message) }
            return state.ending.take().map(Event.ended)
        }
    }

    /// Says that nobody waits any more: what comes is dropped.
    func abandon() {
        self.state.withLock { state in
            state.isAbandoned = true
            state.progress = nil
            state.ending = nil
        }
    }

    private struct State {
        var ending: Ending?
        var progress: (value: Int, message: String?)?
        var lastProgress = Int.min
        var stopReason: StopReason?
        var isAbandoned = false
        var reader: CheckedContinuation<Void, Never>?
        var stopper: CheckedContinuation<Void, Never>?
    }
}

extension SessionCall: SessionProgress {
    func report(_ value: Int, message: String?) {
        guard self.request.progressToken != nil else { return }
        self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            // MCP wants the value to grow and nothing after the end.
            guard value > state.lastProgress, state.ending == nil, !state.isAbandoned else { return nil }
            state.lastProgress = value
            state.progress = (value, message)
            return state.reader.take()
        }?.resume()
    }
}
