import Channel
import MCP
import Model
import Synchronization

/// One open stream of a session for what belongs to no request.
///
/// There are thousands and they say nothing nearly all of the time, so one has no tasks and timers of its own: whoever has something to say
/// writes it from outside. Nobody waits for a reader: one who leaves more unread than the channel keeps, for longer than the delivery
/// time-out, loses the stream.
final class NoticeStream: ChannelBodyHolder {
    private enum Phase {
        /// The head of the answer is not out; with the tools that there were a moment ago.
        case new(current: ToolListMark?)
        case open(ChannelBodyWriter)
        case ended
    }

    private struct State {
        var phase: Phase
        /// The tools that the stream's client knows of.
        var mark: ToolListMark?
        var sequence: Int64 = 0
        var blockedSince: Duration?
        var touchedAt: Duration

        var writer: ChannelBodyWriter? {
            guard case .open(let writer) = self.phase else { return nil }
            return writer
        }
    }

    let session: Session
    /// Who listens: always the session's owner, but not always with the same key.
    let principal: Principal
    private let id = SessionStreamID()
    private let watch: NoticeWatch
    private let state: Mutex<State>

    /// - Parameters:
    ///   - mark: The tools that its client says that it knows of.
    ///   - current: The tools that there are.
    init(session: Session, principal: Principal, mark: ToolListMark?, current: ToolListMark?, watch: NoticeWatch, at now: Duration) {
        self.session = session
        self.principal = principal
        self.watch = watch
        self.state = Mutex(State(phase: .new(current: current), mark: mark, touchedAt: now))
    }

    /// What its client knows of.
    var mark: ToolListMark? { self.state.withLock { $0.mark } }

    /// Begins: from now on something can be said.
    func begin(_ writer: ChannelBodyWriter) {
        guard self.watch.enter(self) else { return writer.finish() }
        let (session, listed) = (self.session, self.session.listedTools.withLock { $0 })
        // Whoever has no event id to say what it knows of, and comes back to a session that was elsewhere meanwhile, may have missed a change.
        let mayHaveMissed = !session.revision.hasPollingStreams && session.mayHaveMissedChanges.withLock { $0 }
        let (isBegun, first, current) = self.state.withLock { state -> (Bool, [UInt8]?, ToolListMark?) in
            guard case .new(let current) = state.phase else { return (false, nil, nil) }
            state.phase = .open(writer)
            state.mark = state.mark ?? listed ?? (mayHaveMissed ? .unknown : current)
            return (true, session.revision.hasPollingStreams ? MCPAnswer.priming(id: self.nextID(&state)) : nil, current)
        }
        guard isBegun else {
            // It was ended while it began.
            self.watch.leave(self)
            return writer.finish()
        }
        if let first { _ = self.offer(first) }
        if let current { self.watch.tell(session, of: current) }
    }

    func exchangeEnded() { self.end() }

    /// Notes that the client knows of a list, from this stream or another one.
    func know(_ mark: ToolListMark) { self.state.withLock { $0.mark = mark } }

    /// Says that the tools have changed; false when the client does not read, or the stream has not begun or is over.
    func tellToolsChanged(to mark: ToolListMark) -> Bool {
        let event = self.state.withLock { state -> [UInt8]? in
            guard state.writer != nil else { return nil }
            let old = state.mark
            state.mark = mark
            defer { state.mark = old }
            return MCPAnswer.event(MCPAnswer.toolsChanged, id: self.session.revision.hasEventIDs ? self.nextID(&state) : nil)
        }
        guard let event, self.offer(event) else { return false }
        self.know(mark)
        self.session.mayHaveMissedChanges.withLock { $0 = false }
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
        let writer = self.state.withLock { state in
            defer { state.phase = .ended }
            return state.writer
        }
        // Who ends it first, and not before it has begun, also lets go of it.
        guard let writer else { return }
        writer.finish()
        self.watch.leave(self)
    }

    private func nextID(_ state: inout State) -> String {
        defer { state.sequence += 1 }
        return StreamEventID.notices(self.id, state.sequence, state.mark).description
    }

    private func offer(_ bytes: [UInt8]) -> Bool {
        guard let writer = self.state.withLock({ $0.writer }) else { return false }
        // Whoever ended the exchange also says so, so that there is nothing else to do about it.
        return (try? writer.offer(bytes)) ?? false
    }
}
