import Model
import Replicas
import Store
import Testing

@testable import Gateway
@testable import Store

@Suite("What a gateway knows of the session-services, as a value") struct ReplicaTableTests {
    private static func replica(_ load: Int64, age: Int64 = 0, isDraining: Bool = false, id: ReplicaID = ReplicaID(), epoch: Int64 = 1)
        -> Replica
    {
        Replica(
            id: id, kind: .sessionService, address: "a:1", version: "1", epoch: epoch, load: load, isDraining: isDraining,
            startedAt: Timestamp(microseconds: 0), heartbeatAt: Timestamp(microseconds: 1_000_000_000 - age))
    }

    private static func table(_ replicas: [Replica], number: UInt64 = 1) -> ReplicaTable {
        var table = ReplicaTable(maxReplicas: 256)
        _ = table.update(ReplicaReading(number: number, replicas: replicas), at: .zero)
        return table
    }

    private static let maxAge = TierLimits().placementAge

    @Test("gateways that read the same rows do not all choose the same replica, and none prefers a loaded one", arguments: [2, 3, 5])
    func herd(count: Int) {
        let replicas = (0..<count).map { Self.replica(Int64($0) * 1_000) }
        var chosen: [ReplicaID: Int] = [:]
        for _ in 0..<1_000 {
            var table = Self.table(replicas)
            let choice = table.place(excluding: [], maxAge: Self.maxAge) { Int.random(in: 0..<$0) }
            chosen[choice ?? ReplicaID(), default: 0] += 1
        }
        let counts = replicas.map { chosen[$0.id] ?? 0 }
        #expect(counts.allSatisfy { $0 > 0 && $0 < 900 }, "\(counts)")
        #expect(counts == counts.sorted(by: >), "the less loaded, the more: \(counts)")
    }

    @Test("what was sent since the load was told counts, so that one gateway spreads what comes at once")
    func burst() {
        var table = Self.table((0..<3).map { _ in Self.replica(0) })
        var chosen: [ReplicaID: Int] = [:]
        for _ in 0..<300 {
            let choice = table.place(excluding: [], maxAge: Self.maxAge) { Int.random(in: 0..<$0) }
            chosen[choice ?? ReplicaID(), default: 0] += 1
        }
        #expect(chosen.count == 3 && chosen.values.allSatisfy { (80...120).contains($0) }, "\(chosen.values)")
    }

    @Test("nothing is placed on one that drains, fails, left, was excluded, or has been silent much longer than the others")
    func unfit() {
        let (fit, draining, failing) = (Self.replica(9_000), Self.replica(0, isDraining: true), Self.replica(0))
        let (left, silent, excluded) = (Self.replica(0), Self.replica(0, age: 3_000_000), Self.replica(0))
        var table = Self.table([fit, draining, failing, left, silent, excluded])
        _ = table.failed(failing.id)
        _ = table.update(ReplicaReading(number: 2, replicas: [fit, draining, failing, silent, excluded]), at: .zero)
        for _ in 0..<100 {
            let choice = table.place(excluding: [excluded.id], maxAge: Self.maxAge) { Int.random(in: 0..<$0) }
            #expect(choice == fit.id)
        }
        // Better a silent one than none.
        let last = table.place(excluding: [excluded.id, fit.id], maxAge: Self.maxAge) { _ in 0 }
        #expect(last == silent.id)
        let none = table.place(excluding: [excluded.id, fit.id, silent.id], maxAge: Self.maxAge) { _ in 0 }
        #expect(none == nil)
    }

    @Test("a lease lapses when its replica leaves the registry, or fails and registered again; an older reading changes nothing")
    func standing() {
        let id = ReplicaID()
        var table = Self.table([Self.replica(0, id: id)], number: 5)
        let lease = ReplicaLease(replica: id, epoch: 1)
        #expect(table.standing(of: lease) == .up)
        #expect(table.standing(of: ReplicaLease(replica: ReplicaID(), epoch: 1)) == .lapsed)
        let news = [table.failed(id), table.failed(id)]
        #expect(news == [true, false])
        #expect(table.standing(of: lease) == .away)
        _ = table.update(ReplicaReading(number: 4, replicas: []), at: .zero)
        #expect(table.standing(of: lease) == .away)
        let again = table.update(ReplicaReading(number: 6, replicas: [Self.replica(0, id: id, epoch: 2)]), at: .zero)
        #expect(again.isWorthALook && again.added.isEmpty)
        #expect(table.standing(of: lease) == .lapsed)
        #expect(table.standing(of: ReplicaLease(replica: id, epoch: 2)) == .away)
        let gone = table.update(ReplicaReading(number: 7, replicas: []), at: .zero)
        #expect(gone.left == [id])
        #expect(table.standing(of: ReplicaLease(replica: id, epoch: 2)) == .lapsed)
        // It is back before it was let go of.
        _ = table.update(ReplicaReading(number: 8, replicas: [Self.replica(0, id: id, epoch: 3)]), at: .zero)
        let isGone = table.removeAbsent(id)
        #expect(!isGone)
    }

    @Test("owners are remembered up to the bound, those in use longest")
    func owners() {
        let cache = OwnerCache(maxSessions: 100)
        let owner = ReplicaLease(replica: ReplicaID(), epoch: 1)
        let kept = SecretHash(of: "kept")
        cache.store(owner, for: kept)
        for number in 0..<10_000 {
            cache.store(owner, for: SecretHash(of: "\(number)"))
            #expect(cache.find(kept) == owner)
            #expect(cache.count <= 100)
        }
        #expect(cache.find(SecretHash(of: "9999")) == owner)
        #expect(cache.find(SecretHash(of: "1")) == nil)
        cache.remove(kept)
        #expect(cache.find(kept) == nil)
    }
}
