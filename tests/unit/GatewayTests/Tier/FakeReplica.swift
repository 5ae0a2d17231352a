import Channel
import Model
import SessionAPI
import Store
import Synchronization
import TestSupport

/// What the database is to gateways and replicas: who is registered, who owns which session. Counts what it is asked.
final class FakeRegistry: Sendable {
    struct Away: Error {}

    private struct State {
        var rows: [ReplicaID: Replica] = [:]
        var owners: [SecretHash: ReplicaLease?] = [:]
        var isAway = false
        var isHanging = false
        var isKept = false
        var looks: UInt64 = 0
        var lookUps = 0
        var heartbeats: Int64 = 1_000_000
    }

    private let state = Mutex(State())

    /// How often gateways have read who is registered.
    var lookCount: Int { self.state.withLock { Int($0.looks) } }
    /// How often gateways have asked for the owner of a session.
    var lookUpCount: Int { self.state.withLock { $0.lookUps } }

    /// Cuts the gateways off, or no longer.
    func setAway(_ isAway: Bool) { self.state.withLock { $0.isAway = isAway } }

    /// Whether the answers that clients come back for are kept.
    var isKept: Bool { self.state.withLock { $0.isKept } }

    /// Has the answers be kept that clients come back for.
    func keepAnswers() { self.state.withLock { $0.isKept = true } }

    /// Lets look-ups of owners get no answer from now on.
    func hang() { self.state.withLock { $0.isHanging = true } }

    /// Waits for as long as nothing is answered, or until the task is cancelled.
    func pass() async throws {
        if self.state.withLock({ $0.isHanging }) { try await Task.sleep(for: .seconds(3600)) }
    }

    /// Registers a replica, or changes its row.
    func register(_ id: ReplicaID, load: Int64 = 0, isDraining: Bool = false, epoch: Int64 = 1, age: Duration = .zero) {
        self.state.withLock { state in
            state.heartbeats += 1
            state.rows[id] = Replica(
                id: id, kind: .sessionService, address: "\(id.rawValue.dropFirst(4)):1", version: "test", epoch: epoch, load: load,
                isDraining: isDraining, startedAt: Timestamp(microseconds: 0),
                heartbeatAt: Timestamp(microseconds: 1_000_000_000 + state.heartbeats - Int64(age / .microseconds(1))))
        }
    }

    /// Lets a lease lapse.
    func lapse(_ id: ReplicaID) { self.state.withLock { $0.rows[id] = nil } }

    /// What a gateway's look finds.
    func look() throws -> (number: UInt64, replicas: [Replica]) {
        try self.state.withLock { state in
            state.looks += 1
            if state.isAway { throw Away() }
            return (state.looks, state.rows.values.sorted { $0.id < $1.id })
        }
    }

    /// The row of a session for a gateway: nil for none.
    func lookUp(_ session: SecretHash) throws -> ReplicaLease?? {
        try self.state.withLock { state in
            state.lookUps += 1
            if state.isAway { throw Away() }
            return state.owners[session].map { owner in owner.flatMap { state.rows[$0.replica]?.lease == $0 ? $0 : nil } }
        }
    }

    /// Makes a replica the owner; gives another live one instead where there is one, and nil for an unknown session.
    func adopt(_ session: SecretHash, by lease: ReplicaLease, isNew: Bool = false) -> ReplicaLease? {
        self.state.withLock { state in
            guard let owner = state.owners[session] ?? (isNew ? .some(nil) : nil) else { return nil }
            if let owner, owner != lease, state.rows[owner.replica]?.lease == owner { return owner }
            state.owners[session] = lease
            return lease
        }
    }

    /// Gives a session to another replica, or to none.
    func give(_ session: SecretHash, to lease: ReplicaLease?) { self.state.withLock { $0.owners[session] = .some(lease) } }
}

/// A session-service as a gateway can tell: owns sessions, refuses those of others, and fails as it is told.
final class FakeReplica: ChannelHandler {
    enum Mood: Sendable, Hashable {
        case serving
        /// Connections are refused.
        case dead
        /// What is sent gets no answer, as from a process that is stopped.
        case silent
        /// The connection breaks once a message was sent.
        case breaking
        case refusing(SessionRefusal)
    }

    private struct State {
        var mood = Mood.serving
        var lease: ReplicaLease
        var isOlder = false
        var messages = 0
        var cuts = 0
    }

    let id: ReplicaID
    let registry: FakeRegistry
    /// Every message that was looked at.
    let received = Recorder<String>()
    private let state: Mutex<State>

    init(_ registry: FakeRegistry, load: Int64 = 0) {
        self.id = ReplicaID()
        self.registry = registry
        self.state = Mutex(State(lease: ReplicaLease(replica: self.id, epoch: 1)))
        registry.register(self.id, load: load)
    }

    var lease: ReplicaLease { self.state.withLock { $0.lease } }
    var mood: Mood { self.state.withLock { $0.mood } }
    /// Makes it one of a version that cannot say how it is.
    func setOlder(_ isOlder: Bool) { self.state.withLock { $0.isOlder = isOlder } }
    /// How many messages came, those that were refused or not looked at too; probes are none.
    var messageCount: Int { self.state.withLock { $0.messages } }

    func set(_ mood: Mood) { self.state.withLock { $0.mood = mood } }

    /// Registers again, as after a lapse.
    func registerAgain() {
        let epoch = self.state.withLock { state in
            state.lease = ReplicaLease(replica: self.id, epoch: state.lease.epoch + 1)
            return state.lease.epoch
        }
        self.registry.register(self.id, epoch: epoch)
    }

    func respond(to request: ChannelRequest) async throws -> ChannelResponse {
        if request.path == "/status" {
            if self.state.withLock({ $0.isOlder }) { return ChannelResponse(status: 404) }
            guard case .serving = self.mood else { return ChannelResponse(status: 503) }
            let owner = SessionOwner(replica: self.id, epoch: self.lease.epoch)
            return ChannelResponse(status: 200, headers: ReplicaStatus(owner: owner, load: 7, isDraining: false).headers)
        }
        if case .refusing(let refusal) = self.mood { return Self.refuse(refusal) }
        let token = request.headers[SessionHeaders.session]
        switch (request.method, request.path) {
        case ("POST", "/sessions"):
            let token = "session-\(ReplicaID())"
            _ = self.registry.adopt(SecretHash(of: token), by: self.lease, isNew: true)
            return ChannelResponse(status: 200, headers: [SessionHeaders.session: token])
        case ("POST", "/messages"):
            guard let token, let owner = self.registry.adopt(SecretHash(of: token), by: self.lease) else {
                return ChannelResponse(status: 404, headers: ["content-type": "application/json"])
            }
            if owner != self.lease { return Self.refuse(.misdirected, owner) }
            self.received.record(token)
            return ChannelResponse(status: 200, body: .bytes(Array("{}".utf8)))
        case ("GET", "/streams") where request.headers[SessionHeaders.lastEvent] != nil:
            guard let token, let owner = self.registry.adopt(SecretHash(of: token), by: self.lease) else {
                return ChannelResponse(status: 404, headers: ["content-type": "application/json"])
            }
            if owner != self.lease, !self.registry.isKept { return Self.refuse(.misdirected, owner) }
            self.received.record(token)
            return ChannelResponse(status: 200, body: .bytes(Array("{}".utf8)))
        default: return ChannelResponse(status: 204)
        }
    }

    private static func refuse(_ refusal: SessionRefusal, _ owner: ReplicaLease? = nil) -> ChannelResponse {
        var response = ChannelResponse(status: 503, headers: [SessionHeaders.refusal: refusal.rawValue])
        response.headers[SessionHeaders.owner] = owner.map { SessionOwner(replica: $0.replica, epoch: $0.epoch).description }
        return response
    }

    /// Counts a message.
    fileprivate func count(_ request: ChannelRequest) {
        if request.path != "/status" { self.state.withLock { $0.messages += 1 } }
    }
}

/// One gateway's connection to a replica: a channel in memory that breaks as the replica is told to.
final class FakeChannel: ChannelClient {
    private struct State {
        var isOver = false
        var lastWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let replica: FakeReplica
    private let state = Mutex(State())

    init(_ replica: FakeReplica) { self.replica = replica }

    /// What is under way when this ends is cut.
    func run() async throws {
        let gate = Gate()
        await withTaskCancellationHandler {
            await gate.wait()
        } onCancel: {
            gate.open()
        }
        let waiters = self.state.withLock { state in
            state.isOver = true
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    func send(_ request: ChannelRequest) async throws(ChannelError) -> ChannelResponse {
        switch self.replica.mood {
        case .dead: throw ChannelError(.unavailable, "refused")
        case .breaking:
            self.replica.count(request)
            throw ChannelError(.connectionLost, "broken")
        case .silent:
            self.replica.count(request)
            await self.untilOver()
            throw Task.isCancelled ? ChannelError(.cancelled, "cancelled") : ChannelError(.connectionLost, "cut")
        case .serving, .refusing:
            self.replica.count(request)
            do { return try await self.replica.respond(to: request) } catch { throw ChannelError(.handlerFailed, "\(error)") }
        }
    }

    private func untilOver() async {
        let id = self.state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isWaiting = self.state.withLock { state in
                    guard !state.isOver, !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !isWaiting { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
