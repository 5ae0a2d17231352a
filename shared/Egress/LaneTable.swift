internal import Synchronization

/// The lanes that exist, how many requests are on each, and which go when there is no room.
final class LaneTable: Sendable {
    private struct Entry {
        let lane: Lane
        var requests: Int
        var lastUse: UInt64
    }

    private struct State {
        var entries: [Lane.Key: Entry] = [:]
        /// Counts uses; a lane's last one orders it for eviction.
        var uses: UInt64 = 0
        var isClosed = false
    }

    private let limits: EgressLimits
    private let trust: TrustRoots
    private let state = Mutex(State())

    init(limits: EgressLimits, trust: TrustRoots) {
        self.limits = limits
        self.trust = trust
    }

    /// The number of lanes.
    var count: Int { self.state.withLock(\.entries.count) }

    /// The keys for a hop's addresses, one that already has a lane first: name servers that rotate their answers would otherwise cost a new
    /// connection for every answer.
    func keys(for url: EgressURL, addresses: some Collection<IPAddress>) -> [Lane.Key] {
        let keys = addresses.map { Lane.Key(scheme: url.scheme, host: url.host, port: url.port, address: $0) }
        let known = self.state.withLock { state in keys.first { state.entries[$0] != nil } }
        guard let known else { return keys }
        return [known] + keys.filter { $0 != known }
    }

    /// Runs `body` with the lane of the key, made when it does not exist; counts the request while it runs.
    func withLane<Answer: Sendable>(_ key: Lane.Key, _ body: (Lane) async throws -> Answer) async throws -> Answer {
        let (lane, evicted) = try self.enter(key)
        evicted?.abandon()
        defer { self.leave(key) }
        return try await body(lane)
    }

    /// Closes every lane and takes no more requests.
    func shutdown() async {
        let lanes = self.state.withLock { state in
            state.isClosed = true
            defer { state.entries = [:] }
            return state.entries.values.map(\.lane)
        }
        await withDiscardingTaskGroup { group in
            for lane in lanes { group.addTask { await lane.shutdown() } }
        }
    }

    private func enter(_ key: Lane.Key) throws(EgressError) -> (lane: Lane, evicted: Lane?) {
        try self.state.withLock { state throws(EgressError) in
            guard !state.isClosed else { throw EgressError(.cancelled, "The client is shutting down.", mayHaveBeenSent: false) }
            state.uses += 1
            if let entry = state.entries[key] {
                guard entry.requests < self.limits.maxRequestsPerHost else {
                    throw EgressError(
                        .overloaded,
                        "\(self.limits.maxRequestsPerHost) requests to \(key.host.text):\(key.port) are under way; try again later.",
                        mayHaveBeenSent: false)
                }
                state.entries[key]?.requests += 1
                state.entries[key]?.lastUse = state.uses
                return (entry.lane, nil)
            }
            let evicted = try self.makeRoom(in: &state)
            let lane = Lane(key: key, limits: self.limits, trust: self.trust)
            state.entries[key] = Entry(lane: lane, requests: 1, lastUse: state.uses)
            return (lane, evicted)
        }
    }

    private func makeRoom(in state: inout State) throws(EgressError) -> Lane? {
        guard state.entries.count >= self.limits.maxHosts else { return nil }
        guard let oldest = state.entries.lazy.filter({ $0.value.requests == 0 }).min(by: { $0.value.lastUse < $1.value.lastUse }) else {
            throw EgressError(
                .overloaded, "Requests to \(self.limits.maxHosts) hosts are under way; try again later.", mayHaveBeenSent: false)
        }
        state.entries[oldest.key] = nil
        return oldest.value.lane
    }

    private func leave(_ key: Lane.Key) {
        self.state.withLock { $0.entries[key]?.requests -= 1 }
    }
}
