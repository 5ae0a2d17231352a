import Model
import Store
import Testing

@testable import Replicas

@Suite("A process's own view of its lease")
struct LeaseStateTests {
    private static let lease = ReplicaLease(replica: ReplicaID(), epoch: 1)

    @Test("it ends one margin before the database's, counted from before the renewal was sent")
    func expiry() {
        var state = LeaseState(lease: .seconds(5), margin: .seconds(1))
        #expect(state.current(at: .zero) == nil)
        _ = state.renewed(Self.lease, sent: .seconds(10))
        #expect(state.current(at: .seconds(10)) == Self.lease)
        #expect(state.current(at: .seconds(14) - .nanoseconds(1)) == Self.lease)
        #expect(state.current(at: .seconds(14)) == nil)
        #expect(state.last == Self.lease)
        _ = state.renewed(Self.lease, sent: .seconds(13))
        #expect(state.current(at: .seconds(16)) == Self.lease)
        state.lost()
        #expect(state.current(at: .seconds(13)) == nil)
        #expect(state.last == nil)
    }
}
