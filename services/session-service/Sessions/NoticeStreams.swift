import MCP
import Model
import SSE
import Store
import Synchronization

/// All streams of one process that belong to no request, by session. Bounded: beyond a session's bound its oldest gives way, because most
/// likely its client has lost it; beyond the process's bound no more are taken.
final class NoticeStreams: Sendable {
    /// Whose tools a stream shows.
    struct Viewer: Sendable, Hashable {
        let principal: Principal
        let resource: String
    }

    private struct State {
        var streams: [SessionRecordID: [NoticeStream]] = [:]
        var count = 0
        /// The revision of each organization at which all of its streams were looked after; nil when one has opened since.
        var seen: [OrganizationID: Int64?] = [:]
        var isClosed = false
    }

    private let maxCount: Int
    private let maxPerSession: Int
    private let state = Mutex(State())

    init(maxCount: Int, maxPerSession: Int) {
        self.maxCount = maxCount
        self.maxPerSession = maxPerSession
    }

    /// How many there are.
    var count: Int { self.state.withLock { $0.count } }

    /// Whether one more is taken.
    var hasRoom: Bool { self.state.withLock { !$0.isClosed && $0.count < self.maxCount } }

    /// Adds a stream; false when there is no room, or none are taken any more.
    func insert(_ stream: NoticeStream) -> Bool {
        let (isTaken, oldest) = self.state.withLock { state -> (Bool, NoticeStream?) in
            var streams = state.streams[stream.session.record] ?? []
            let givesWay = streams.count >= self.maxPerSession
            guard !state.isClosed, givesWay || state.count < self.maxCount else { return (false, nil) }
            let oldest = givesWay ? streams.removeFirst() : nil
            streams.append(stream)
            state.streams[stream.session.record] = streams
            state.count += givesWay ? 0 : 1
            state.seen.updateValue(nil, forKey: stream.session.owner.organization)
            return (true, oldest)
        }
        oldest?.end()
        return isTaken
    }

    /// Takes a stream out that has ended.
    func remove(_ stream: NoticeStream) {
        self.state.withLock { state in
            guard var streams = state.streams[stream.session.record], let place = streams.firstIndex(where: { $0 === stream }) else {
                return
            }
            streams.remove(at: place)
            state.count -= 1
            state.streams[stream.session.record] = streams.isEmpty ? nil : streams
        }
    }

    // MARK: - Ending

    /// Ends the streams of a session.
    func end(of session: SessionRecordID) {
        for stream in self.state.withLock({ $0.streams[session] ?? [] }) { stream.end() }
    }

    /// Ends those that are not held under this lease, because their sessions may be somebody else's by now.
    func end(notUnder lease: ReplicaLease?) {
        for stream in self.all where stream.session.lease != lease { stream.end() }
    }

    /// Ends all and takes no more; clients come back to another process.
    func close(comingBackAfter delay: Duration) {
        self.state.withLock { $0.isClosed = true }
        for stream in self.all { stream.end(comingBackAfter: delay) }
    }

    // MARK: - Looking after them

    /// Every stream.
    var all: [NoticeStream] { self.state.withLock { $0.streams.values.flatMap(\.self) } }

    /// The organizations that have streams, with the revision up to which they were looked after. Forgets the others.
    func organizations() -> [OrganizationID: Int64?] {
        self.state.withLock { state in
            let present = Set(state.streams.values.compactMap(\.first?.session.owner.organization))
            state.seen = state.seen.filter { present.contains($0.key) }
            return state.seen
        }
    }

    /// Whether an organization has streams here.
    func have(_ organization: OrganizationID) -> Bool { self.state.withLock { $0.seen[organization] != nil } }

    /// Begins to look after an organization's streams: those that there are, by who listens. What opens from now on counts as not looked
    /// after.
    func beginLooking(at organization: OrganizationID, revision: Int64) -> [Viewer: [[NoticeStream]]] {
        self.state.withLock { state in
            if state.seen[organization] != nil { state.seen.updateValue(revision, forKey: organization) }
            let sessions = state.streams.values.filter { $0.first?.session.owner.organization == organization }
            var viewers: [Viewer: [[NoticeStream]]] = [:]
            for streams in sessions {
                for (viewer, own) in Dictionary(grouping: streams, by: { Viewer(principal: $0.principal, resource: $0.session.resource) }) {
                    viewers[viewer, default: []].append(own)
                }
            }
            return viewers
        }
    }

    /// Looking failed: it is to be done again.
    func failedLooking(at organization: OrganizationID) {
        self.state.withLock { state in
            if state.seen[organization] != nil { state.seen.updateValue(nil, forKey: organization) }
        }
    }

    /// Tells a session that its tools are others than its client knows of, on one of its streams, unless the client knows already.
    func tell(_ session: SessionRecordID, _ mark: ToolListMark) {
        let streams = self.state.withLock { $0.streams[session] ?? [] }
        guard let newest = streams.last else { return }
        let listed = newest.session.listedTools.withLock { $0 }
        guard newest.mark != mark else { return }
        let isNews = newest.mark != nil && listed != mark
        // One message on one stream: the newest that takes it. Where none does, it is tried again.
        if isNews, !streams.reversed().contains(where: { $0.tellToolsChanged(to: mark) }) {
            return self.failedLooking(at: newest.session.owner.organization)
        }
        for stream in streams { stream.know(mark) }
    }

    /// Sends every stream a sign of life; gives the sessions whose use is to be noted.
    func keepAlive(at now: Duration, deliveryTimeout: Duration, touchInterval: Duration) -> [Session] {
        var due: [Session] = []
        for stream in self.all {
            stream.keepAlive(ServerSentEvent.keepAlive, at: now, deliveryTimeout: deliveryTimeout)
            if stream.isTouchDue(at: now, interval: touchInterval) { due.append(stream.session) }
        }
        return due
    }
}
