import MCP
import Model
import SessionAPI
import Synchronization

/// One call in flight: between the job that runs it, the request that waits for its answer, and whoever wants it stopped.
///
/// The job goes on when the request is gone, because a client that disconnects has not cancelled. At most one answer and one report of
/// progress wait for the client, so that a slow reader costs no more than that. A client that has an event id may come back by another
/// request, which then takes the place of the one before.
final class SessionCall: Sendable {
    /// Why a call was stopped from outside.
    enum StopReason: Sendable, Hashable {
        /// By its client, which then wants no answer.
        case cancelled
        /// Its session was closed.
        case sessionClosed
        /// The process is about to stop.
        case draining
        /// The lease ended under which its session was owned.
        case leaseLost
        /// It took too long.
        case timedOut
    }

    /// How a call ended.
    enum Ending: Sendable {
        /// A result, and the room that it takes until it was read.
        case result(MCPToolResult, UnreadAnswers.Room?)
        /// The message that was written for a client which may come back.
        case message([UInt8], UnreadAnswers.Room?)
        case refusal(MCPError)
        /// The client wants no answer.
        case nothing
    }

    /// What the waiting request has to pass on next.
    enum Event: Sendable {
        case progress(value: Int, message: String?, id: StreamEventID?)
        case ended(Ending, id: StreamEventID?)
        /// Another request passes the rest on.
        case replaced
    }

    /// One request that passes the call's events on.
    struct Reader: Sendable, Hashable {
        fileprivate let number: Int

        /// The request that began the call.
        static let first = Reader(number: 0)
    }

    /// Whether the client has an event id to come back with.
    private enum Log {
        case none
        /// Being written; the job may wait for it.
        case opening(CheckedContinuation<Void, Never>?)
        case open(SessionStreamID)
        /// It never will.
        case sealed
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
            guard !state.isOver else { return nil }
            state.isOver = true
            if state.hasReader { state.ending = ending }
            return state.waiter.take()
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

    /// Takes the place of the request that passed events on before; nil when the call has ended and its answer is on its way, or gone.
    func attach() -> Reader? {
        let (reader, waiter) = self.state.withLock { state -> (Reader?, CheckedContinuation<Void, Never>?) in
            guard !state.isOver || state.ending != nil else { return (nil, nil) }
            state.readerNumber += 1
            state.hasReader = true
            return (Reader(number: state.readerNumber), state.waiter.take())
        }
        waiter?.resume()
        return reader
    }

    /// Waits until ``take(_:)`` has something, or the waiting task is cancelled.
    func ready(_ reader: Reader) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isStored = self.state.withLock { state in
                    guard state.readerNumber == reader.number, state.ending == nil, state.progress == nil, !Task.isCancelled else {
                        return false
                    }
                    state.waiter = continuation
                    return true
                }
                if !isStored { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { state in state.readerNumber == reader.number ? state.waiter.take() : nil }?.resume()
        }
    }

    /// Whether progress waits to be passed on.
    var hasProgress: Bool { self.state.withLock { $0.progress != nil } }

    /// The ending, unless progress comes before it; nil when there is none yet.
    func takeEnding(_ reader: Reader) -> Ending? {
        self.state.withLock { state in
            guard state.readerNumber == reader.number, state.progress == nil else { return nil }
            return state.ending.take()
        }
    }

    /// What is to be passed on now, progress before the end; nil when there is nothing yet.
    func take(_ reader: Reader) -> Event? {
        self.state.withLock { state in
            guard state.readerNumber == reader.number else { return .replaced }
            if let progress = state.progress.take() {
                defer { state.nextNumber += 1 }
                return .progress(value: progress.value, message: progress.message, id: state.id(state.nextNumber))
            }
            guard let ending = state.ending.take() else { return nil }
            return .ended(ending, id: state.id(state.endNumber))
        }
    }

    /// Says that this request waits no more. Until another one does, what comes is dropped; who has an event id finds it in the database.
    func detach(_ reader: Reader) {
        self.state.withLock { state in
            guard state.readerNumber == reader.number else { return }
            state.hasReader = false
            state.progress = nil
            state.ending = nil
        }
    }

    // MARK: - The event ids

    /// The stream whose events have ids.
    var stream: SessionStreamID? {
        self.state.withLock { state in
            guard case .open(let stream) = state.log else { return nil }
            return stream
        }
    }

    /// Begins to give the events ids; true for exactly one caller, who then calls ``logBegan(_:)``. False when the call has ended.
    func beginLog() -> Bool {
        self.state.withLock { state in
            guard case .none = state.log else { return false }
            state.log = .opening(nil)
            return true
        }
    }

    /// Says which stream the events have ids of; nil for none, ever.
    func logBegan(_ stream: SessionStreamID?) {
        self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard case .opening(let waiter) = state.log else { return nil }
            state.log = stream.map(Log.open) ?? .sealed
            return waiter
        }?.resume()
    }

    /// The id of the event that begins the stream.
    func primingID() -> StreamEventID? { self.state.withLock { $0.id(0) } }

    /// For the job, once it knows how it ended: the stream that is to be told, with the number of the event that tells it. There is no
    /// progress from now on.
    func sealLog() async -> (SessionStreamID, Int64)? {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isWaiting = self.state.withLock { state in
                state.lastProgress = .max
                guard case .opening = state.log else { return false }
                state.log = .opening(continuation)
                return true
            }
            if !isWaiting { continuation.resume() }
        }
        return self.state.withLock { state in
            guard case .open(let stream) = state.log else {
                state.log = .sealed
                return nil
            }
            // A report that still waits has the number before.
            state.endNumber = state.nextNumber + 1
            return (stream, state.nextNumber + 1)
        }
    }

    private struct State {
        var ending: Ending?
        var progress: (value: Int, message: String?)?
        var lastProgress = Int.min
        var stopReason: StopReason?
        /// Whether it came to an ending, taken or not.
        var isOver = false
        var hasReader = true
        var readerNumber = Reader.first.number
        var waiter: CheckedContinuation<Void, Never>?
        var log = Log.none
        /// The number of the next report of progress; the event that begins the stream is number zero.
        var nextNumber: Int64 = 1
        /// The number of the event that ends the stream, once that is written.
        var endNumber: Int64?
        var stopper: CheckedContinuation<Void, Never>?

        /// An event's id; nil while the events have none.
        func id(_ number: Int64?) -> StreamEventID? {
            guard case .open(let stream) = self.log, let number else { return nil }
            return .answer(stream, number)
        }
    }
}

extension SessionCall: SessionProgress {
    func report(_ value: Int, message: String?) {
        guard self.request.progressToken != nil else { return }
        self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            // MCP wants the value to grow and nothing after the end.
            guard value > state.lastProgress, !state.isOver, state.hasReader else { return nil }
            state.lastProgress = value
            state.progress = (value, message)
            return state.waiter.take()
        }?.resume()
    }
}
