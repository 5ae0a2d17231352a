import Synchronization
import TestSupport
import Testing

@testable import Channel

@Suite("Job queue", .timeLimit(.minutes(1)))
struct JobQueueTests {
    @Test("Jobs from many tasks are each run once, those that came before the start too")
    func runsAll() async throws {
        let queue = JobQueue<Int>(maxJobs: 10_000)
        try queue.push(-1)
        let seen = Recorder<Int>()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await queue.run { seen.record($0) } }
            for producer in 0..<8 {
                group.addTask {
                    for number in 0..<500 { try? queue.push(producer * 500 + number) }
                }
            }
            await seen.wait(for: 4_001)
            #expect(queue.finish().isEmpty)
        }
        #expect(seen.elements.sorted() == Array(-1..<4_000))
    }

    @Test("The bound counts what waits and what runs")
    func bound() async throws {
        let queue = JobQueue<Int>(maxJobs: 2)
        let started = Recorder<Int>()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await queue.run {
                    started.record($0)
                    try? await ContractFailureTests.untilCancelled()
                }
            }
            try? queue.push(1)
            try? queue.push(2)
            await started.wait(for: 2)
            #expect(throws: JobQueue<Int>.Refusal.full) { try queue.push(3) }
            group.cancelAll()
        }
        #expect(throws: JobQueue<Int>.Refusal.finished) { try queue.push(4) }
    }

    @Test("What was never run is given back")
    func leftOver() throws {
        let queue = JobQueue<Int>(maxJobs: 2)
        try queue.push(1)
        #expect(queue.finish() == [1])
        #expect(queue.isFinished)
    }

    @Test("Cancellation runs what waits, cancelled, and ends")
    func cancelled() async throws {
        let queue = JobQueue<Int>(maxJobs: 10)
        try queue.push(1)
        let seen = Recorder<Bool>()
        await withTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask { await queue.run { _ in seen.record(Task.isCancelled) } }
        }
        #expect(seen.elements == [true])
    }

    @Test("A task is cancelled from outside, before it starts or while it runs; other tasks are not", arguments: [true, false])
    func canceller(isEarly: Bool) async {
        final class Holder: Sendable { let canceller = TaskCanceller() }
        let holder = Holder()
        let events = Recorder<String>()
        await withDiscardingTaskGroup { group in
            if isEarly { holder.canceller.cancel() }
            group.addTask {
                await holder.canceller.run {
                    events.record("started")
                    try? await ContractFailureTests.untilCancelled()
                    events.record(Task.isCancelled ? "cancelled" : "not cancelled")
                }
            }
            group.addTask {
                await events.wait(for: 1)
                if !isEarly { holder.canceller.cancel() }
                await events.wait(for: 2)
                #expect(!Task.isCancelled)
            }
        }
        holder.canceller.cancel()
        #expect(events.elements == ["started", "cancelled"])
    }
}
