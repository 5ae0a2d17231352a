import Engine
package import JSON
package import Model
import Store

/// What became of a call whose answer its client did not get.
package enum LostAnswer: Sendable, Hashable {
    /// Its execution ended by itself, with this: `{content, structuredContent, isError}`.
    case outcome(JSONText)
    /// Its process went away, or nothing is known of it; with what is told of that.
    case interrupted(InterruptedExecution)
    /// It runs in a process that lives.
    case running(InterruptedExecution)
}

/// Finds out what became of calls whose answers their clients did not get, so that they get them after all or are told why not.
package struct LostAnswers: Sendable {
    private static let pause: Duration = .milliseconds(300)

    private let store: Store
    private let limits: AnswerLimits

    /// - Parameter services: Whose database is asked.
    package init(services: some StackServices) {
        self.store = services.store
        self.limits = services.core.limits.answer
    }

    /// What is known now. Ends the execution when its process is dead, which the database knows.
    package func find(_ execution: ExecutionID, in organization: OrganizationID) async throws -> LostAnswer {
        guard let record = try await self.store.executions.find(execution, in: organization) else {
            return .interrupted(InterruptedExecution(unknown: execution))
        }
        if record.state.isTerminal { return try await self.answer(of: record, in: organization) }
        // Whether it was ended here, or by a sweep that was faster.
        try await self.store.interrupt(execution, in: organization, limits: self.limits)
        guard let last = try await self.store.executions.find(execution, in: organization), last.state.isTerminal else {
            return .running(try await self.store.interruption(of: record, in: organization))
        }
        return try await self.answer(of: last, in: organization)
    }

    /// The same, but of one that runs it is said only when its process has shown itself alive after this was called. Nil when that is not
    /// known within `patience`, as when the database is away.
    package func findOut(_ execution: ExecutionID, in organization: OrganizationID, within patience: Duration) async -> LostAnswer? {
        await self.findOut(execution, in: organization, within: patience, on: ContinuousClock())
    }

    /// The same with time counted by another clock.
    package func findOut<C: Clock<Duration>>(
        _ execution: ExecutionID, in organization: OrganizationID, within patience: Duration, on clock: C
    ) async -> LostAnswer? {
        await withTaskGroup(of: LostAnswer?.self) { group in
            group.addTask { await self.watch(execution, in: organization, on: clock) }
            group.addTask {
                try? await clock.sleep(for: patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    private func watch<C: Clock<Duration>>(
        _ execution: ExecutionID, in organization: OrganizationID, on clock: C
    ) async -> LostAnswer? {
        var signs = SignsOfLife()
        repeat {
            do {
                guard let record = try await self.store.executions.find(execution, in: organization), !record.state.isTerminal,
                    let owner = try await self.store.replicas.live(.sessionService).first(where: { $0.lease == record.owner })
                else {
                    let found = try await self.find(execution, in: organization)
                    guard case .running = found else { return found }
                    // It has ended or registered again in between.
                    continue
                }
                if signs.sees(owner.heartbeatAt) {
                    return .running(try await self.store.interruption(of: record, in: organization))
                }
            } catch {
                // Whether the database is away or the task was cancelled shows in the pause.
            }
        } while (try? await clock.sleep(for: Self.pause)) != nil
        return nil
    }

    private func answer(of record: ExecutionRecord, in organization: OrganizationID) async throws -> LostAnswer {
        if record.errorCode != ExecutionRepository.interruptedCode, let outcome = record.outcome { return .outcome(outcome) }
        return .interrupted(try await self.store.interruption(of: record, in: organization))
    }
}

extension InterruptedExecution {
    /// One of which nothing is known, so that it is not said that it can be repeated.
    package init(unknown execution: ExecutionID) { self.init(execution: execution, calls: .unknown) }
}
