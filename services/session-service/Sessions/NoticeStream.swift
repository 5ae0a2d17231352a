import Channel
import MCP
import Model
import Synchronization

/// One open stream of a session for what belongs to no request.
///
/// There are thousands and they say nothing nearly all of the time, so one has no tasks and timers of its own: the task of its request
/// sleeps until it ends, and whoever has something to say writes it from outside. Nobody waits for a reader: one who leaves more unread
/// than the channel keeps, for longer than the delivery time-out, loses the stream.
final class NoticeStream: Sendable {
    private struct State {
        /// Nil until the head of the answer is out.
        var writer: ChannelBodyWriter?
        /// The tools that the stream's client knows of.
        var mark: ToolListMark?
        var sequence: Int64 = 0
        var blockedSince: Duration?
        var touchedAt: Duration
        var isEnded = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    let session: Session
    /// Who listens: always the session's owner, but not always with the same key.
    let principal: Principal
    private let id = SessionStreamID()
    private let state: Mutex<State>

    init(session: Session, principal: Principal, mark: ToolListMark?, at now: Duration) {
        self.session = session
        self.principal = principal
        self.state = Mutex(State(mark: mark, touchedAt: now))
    }

    /// What its client knows of.
    var mark: ToolListMark? { self.state.withLock { $0.mark } }

    /// Begins: from now on something can be said.
    func begin(_ writer: ChannelBodyWriter, known mark: ToolListMark?) {
        let first = self.state.withLock { state in
            state.writer = writer
            state.mark = state.mark ?? mark
            return self.session.revision.hasPollingStreams ? MCPAnswer.priming(id: self.nextID(&state)) : nil
        }
        if let first { _ = self.offer(first) }
    }

    /// Notes that the client knows of a list, from this stream or another one.
    func know(_ mark: ToolListMark) { self.state.withLock { $0.mark = mark } }

    /// Says that the tools have changed; false when the client does not read, or the stream has not begun or is over.
    func tellToolsChanged(to mark: ToolListMark) -> Bool {
        let event = self.state.withLock { state -> [UInt8]? in
            guard state.writer != nil, !state.isEnded else { return nil }
            let old = state.mark
            state.mark = mark
            defer { state.mark = old }
            return MCPAnswer.event(MCPAnswer.toolsChanged, id: self.session.revision.hasEventIDs ? self.nextID(&state) : nil)
        }
        guard let event, self.offer(event) else { return false }
        self.know(mark)
        return true
    }

    /// Sends a sign of life. Ends the stream when its reader has not read for too long.
    func keepAlive(_ comment: [UInt8], at now: Duration, deliveryTimeout: Duration) {
        let isRead = self.offer(comment)
        let isStuck = self.state.withLock { state in
            state.blockedSince = isRead ? nil : state.blockedSince ?? now
            return state.blockedSince.map { now - $0 >= deliveryTimeout } ?? false
        }
        if isStuck { self.end() }
    }

    /// Whether the session's use is to be noted in its row.
    func isTouchDue(at now: Duration, interval: Duration) -> Bool {
        self.state.withLock { state in
            guard now - state.touchedAt >= interval else { return false }
            state.touchedAt = now
            return true
        }
    }

    /// Ends the stream; with `delay` its client is told when to come back, where its revision has words for that.
    func end(comingBackAfter delay: Duration? = nil) {
        if let delay, self.session.revision.hasPollingStreams { _ = self.offer(MCPAnswer.comingBack(after: delay)) }
        self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.isEnded = true
            return state.waiter.take()
        }?.resume()
    }

    /// Waits until it was ended, or the waiting task is cancelled because the client left.
    func untilEnded() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isWaiting = self.state.withLock { state in
                    guard !state.isEnded, !Task.isCancelled else { return false }
                    state.waiter = continuation
                    return true
                }
                if !isWaiting { continuation.resume() }
            }
        } onCancel: {
            self.end()
        }
    }

    private func nextID(_ state: inout State) -> String {
        defer { state.sequence += 1 }
        return StreamEventID.notices(self.id, state.sequence, state.mark).description
    }

    private func offer(_ bytes: [UInt8]) -> Bool {
        guard let writer = self.state.withLock({ $0.isEnded ? nil : $0.writer }) else { return false }
        // What ended the exchange also cancels the task that waits, so that there is nothing else to do about it.
        return (try? writer.offer(bytes)) ?? false
    }
}
