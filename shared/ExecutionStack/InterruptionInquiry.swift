import Engine
package import Model
import Store
import Synchronization

/// Finds out what became of an execution of which another process gives no answer any more, and ends it when that process is dead.
///
/// Whether anything may have been written shows in its calls' rows at once. That nothing was can be said only of an execution that was
/// ended, because its owner may live and be about to send a call: then the owner's lease is waited for, unless its heartbeats show that it
/// lives indeed and only its answer is lost.
package struct InterruptionInquiry: Sendable {
    /// The longest pause between two looks at whether the owner lives.
    private static let pause: Duration = .milliseconds(300)
    /// The shortest one, after which its lease has lapsed.
    private static let minPause: Duration = .milliseconds(20)

    private let store: Store
    private let answer: AnswerLimits
    private let patience: Duration

    /// - Parameters:
    ///   - services: Whose database is asked.
    ///   - patience: How long to wait in all: a lease, which an owner may have renewed right before it died, and a little more.
    package init(services: some StackServices, patience: Duration) {
        self.store = services.store
        self.answer = services.core.limits.answer
        self.patience = patience
    }

    /// What is known of an execution within the time that there is; also when the database is away or hangs, or the calling task is
    /// cancelled.
    package func findOut(_ execution: ExecutionID, in organization: OrganizationID) async -> InterruptedExecution {
        await self.findOut(execution, in: organization, on: ContinuousClock())
    }

    /// The same with time counted by another clock.
    package func findOut<C: Clock<Duration>>(
        _ execution: ExecutionID, in organization: OrganizationID, on clock: C
    ) async -> InterruptedExecution {
        // Of what is not known it is not said that it can be repeated.
        let findings = Findings(InterruptedExecution(execution: execution, calls: .unknown))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.inquire(execution, in: organization, findings, on: clock) }
            group.addTask { try? await clock.sleep(for: self.patience) }
            await group.next()
            group.cancelAll()
        }
        return findings.last
    }

    /// What was found last.
    private final class Findings: Sendable {
        private let state: Mutex<InterruptedExecution>

        init(_ first: InterruptedExecution) { self.state = Mutex(first) }

        var last: InterruptedExecution { self.state.withLock { $0 } }

        func note(_ finding: InterruptedExecution) { self.state.withLock { $0 = finding } }
    }

    /// Looks until there is nothing more to find out, or the task is cancelled.
    private func inquire<C: Clock<Duration>>(
        _ execution: ExecutionID, in organization: OrganizationID, _ findings: Findings, on clock: C
    ) async {
        var signs = SignsOfLife()
        var isFirst = true
        while !Task.isCancelled {
            var pause = Self.pause
            do {
                guard let pulse = try await self.store.executions.pulse(of: execution, in: organization) else { return }
                if pulse.hasEnded || pulse.hasEffects || isFirst { try await self.look(execution, in: organization, findings) }
                guard !pulse.hasEnded, !pulse.hasEffects else { return }
                isFirst = false
                if let heartbeat = pulse.heartbeatAt, signs.sees(heartbeat) { return }
                if let left = pulse.lapsesAfter {
                    pause = min(pause, max(left, Self.minPause))
                } else {
                    // Should a sweep be faster, it is ended as well.
                    try await self.store.interrupt(execution, in: organization, limits: self.answer)
                    if try await self.look(execution, in: organization, findings) { return }
                }
            } catch {
                // Whether the database is away or the task was cancelled shows in the pause.
            }
            guard (try? await clock.sleep(for: pause)) != nil else { return }
        }
    }

    /// Notes what is stored now; tells whether that is final.
    @discardableResult
    private func look(_ execution: ExecutionID, in organization: OrganizationID, _ findings: Findings) async throws -> Bool {
        guard let record = try await self.store.executions.find(execution, in: organization) else { return true }
        findings.note(try await self.store.interruption(of: record, in: organization))
        return record.state.isTerminal
    }
}
