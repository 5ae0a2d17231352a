import Synchronization
import TestSupport
import Testing

@testable import Database

@Suite("Leases", .timeLimit(.minutes(1)))
struct LeasePoolTests {
    @Test("Those who wait are served in the order in which they came")
    func order() async throws {
        let clock = ManualClock()
        let pool = LeasePool([1], name: "it", maxWaiters: 10, timeout: .seconds(1), clock: clock)
        let served = Recorder<Int>()
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.withLease { _ in await gate.wait() } }
            await gate.waitForVisitor()
            for number in 0..<5 {
                group.addTask { try await pool.withLease { _ in served.record(number) } }
                // Each one sleeps towards its time-out only once it stands in line.
                await clock.waitForSleepers(number + 1)
            }
            gate.open()
            try await group.waitForAll()
        }
        #expect(served.elements == [0, 1, 2, 3, 4])
    }

    @Test("Who waits too long gets busy, and the resource goes on")
    func timeout() async throws {
        let clock = ManualClock()
        let pool = LeasePool([1], name: "it", maxWaiters: 10, timeout: .seconds(1), clock: clock)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.withLease { _ in await gate.wait() } }
            await gate.waitForVisitor()
            async let waiting: Void = pool.withLease { _ in }
            await clock.waitForSleepers(1)
            clock.advance(by: .seconds(1))
            do {
                try await waiting
                Issue.record("the lease was granted")
            } catch let error as DatabaseError {
                #expect(error.code == .busy)
                #expect(error.isTransient)
            }
            gate.open()
            try await group.waitForAll()
        }
        #expect(try await pool.withLease { $0 } == 1)
    }

    @Test("More waiters than admitted are refused at once")
    func bounded() async throws {
        let clock = ManualClock()
        let pool = LeasePool([1], name: "it", maxWaiters: 1, timeout: .seconds(1), clock: clock)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.withLease { _ in await gate.wait() } }
            await gate.waitForVisitor()
            group.addTask { try await pool.withLease { _ in } }
            await clock.waitForSleepers(1)
            await #expect(throws: DatabaseError.self) { try await pool.withLease { _ in } }
            gate.open()
            try await group.waitForAll()
        }
    }

    @Test("A cancelled task stops waiting at once and takes nothing along")
    func cancellation() async throws {
        let clock = ManualClock()
        let pool = LeasePool([1], name: "it", maxWaiters: 10, timeout: .seconds(1), clock: clock)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.withLease { _ in await gate.wait() } }
            await gate.waitForVisitor()
            await withTaskGroup(of: Void.self) { waiters in
                waiters.addTask { await #expect(throws: CancellationError.self) { try await pool.withLease { _ in } } }
                await clock.waitForSleepers(1)
                waiters.cancelAll()
            }
            gate.open()
            try await group.waitForAll()
        }
        #expect(try await pool.withLease { $0 } == 1)
    }

    @Test("Closing ends all waiting, and what is held comes back harmlessly")
    func closing() async throws {
        let clock = ManualClock()
        let pool = LeasePool([1], name: "it", maxWaiters: 10, timeout: .seconds(1), clock: clock)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.withLease { _ in await gate.wait() } }
            await gate.waitForVisitor()
            group.addTask {
                await #expect(throws: DatabaseError.self) { try await pool.withLease { _ in } }
            }
            await clock.waitForSleepers(1)
            pool.close()
            gate.open()
            try await group.waitForAll()
        }
        await #expect(throws: DatabaseError.self) { try await pool.withLease { _ in } }
    }

    @Test("Under many tasks, some cancelled, no resource is lost or shared", arguments: 0..<10)
    func stress(round: UInt64) async throws {
        let resources = (0..<3).map { _ in Occupancy() }
        let pool = LeasePool(resources, name: "it", maxWaiters: 1000, timeout: .seconds(60), clock: ContinuousClock())
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let task = Task {
                        try await pool.withLease { resource in
                            resource.enter()
                            await Task.yield()
                            resource.leave()
                        }
                    }
                    if (UInt64(number) &* 31 &+ round) % 3 == 0 { task.cancel() }
                    _ = await task.result
                }
            }
        }
        #expect(resources.allSatisfy { $0.wasNeverShared })
        // All three are there: three leases at once are granted without anyone giving one back.
        try await pool.withLease { _ in try await pool.withLease { _ in try await pool.withLease { _ in } } }
    }
}

/// Notices when two hold it at once.
final class Occupancy: Sendable {
    private let state = Mutex((count: 0, wasShared: false))

    var wasNeverShared: Bool { self.state.withLock { !$0.wasShared } }

    func enter() {
        self.state.withLock {
            $0.count += 1
            if $0.count > 1 { $0.wasShared = true }
        }
    }

    func leave() { self.state.withLock { $0.count -= 1 } }
}
