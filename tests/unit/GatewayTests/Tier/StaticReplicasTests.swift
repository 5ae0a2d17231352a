import Channel
import Model
import Replicas
import Store
import TestSupport
import Testing

@testable import Gateway

@Suite("Session-services at listed addresses", .timeLimit(.minutes(2))) struct StaticReplicasTests {
    @Test("each says who it is, and one that does not answer for a lease's time is taken to have lost it")
    func readings() async throws {
        let (registry, clock, readings) = (FakeRegistry(), ManualClock(), Recorder<ReplicaReading>())
        let replicas = (0..<2).map { _ in FakeReplica(registry) }
        let addresses = replicas.indices.map { ChannelAddress(host: "replica-\($0)", port: 1) }
        let list = try StaticReplicas(
            addresses, lease: .seconds(5), clock: MonotonicClock(clock),
            connect: { address in FakeChannel(replicas[address.host == "replica-0" ? 0 : 1]) },
            onReading: { readings.record($0) })
        await list.refresh()
        let first = try #require(readings.elements.last)
        #expect(Set(first.replicas.map(\.id)) == Set(replicas.map(\.id)))
        #expect(first.replicas.allSatisfy { $0.load == 7 && $0.epoch == 1 && !$0.isDraining })
        #expect(Set(first.replicas.map(\.address)) == ["replica-0:1", "replica-1:1"])
        replicas[0].set(.dead)
        replicas[1].registerAgain()
        clock.advance(by: .milliseconds(4_999))
        await list.refresh()
        let second = try #require(readings.elements.last)
        #expect(second.number > first.number && second.replicas.count == 2)
        #expect(second.replicas.first { $0.id == replicas[1].id }?.epoch == 2)
        clock.advance(by: .milliseconds(1))
        await list.refresh()
        #expect(readings.elements.last?.replicas.map(\.id) == [replicas[1].id])
    }
}
