/// What is looked after while a program runs, beside the signal that stops it from outside.
struct RunWatch: Sendable {
    /// How long the caller waits; nil when only the sandbox's own limits count.
    let timeLimit: Duration?
    /// How often the principal's standing is looked at.
    let standingInterval: Duration
    /// Waits; throws when the task is cancelled.
    let sleep: @Sendable (Duration) async throws -> Void
    /// Whether the principal may still run programs.
    let isActive: @Sendable () async throws -> Bool
    /// Numbers what was heard of changes to the organization's rules.
    let changeNumber: @Sendable () -> UInt64
    /// Waits until a change is heard of after the one of a number, or the task is cancelled.
    let untilChanged: @Sendable (UInt64) async -> Void

    /// Waits until the caller's time is up; nil without a limit, or when the waiting task is cancelled.
    func timeIsUp() async -> StopReason? {
        guard let timeLimit = self.timeLimit, (try? await self.sleep(timeLimit)) != nil else { return nil }
        return .timedOut
    }

    /// Waits until the principal's key is revoked, which is looked at again and again, and at once after a change; nil when the waiting task is cancelled. A look that fails says nothing: a program is
    /// not stopped because the database is away, and its calls are refused meanwhile.
    func revocation() async -> StopReason? {
        var seen = self.changeNumber()
        while await self.pause(since: seen) {
            // Before looking: what changes meanwhile is looked at next.
            seen = self.changeNumber()
            if (try? await self.isActive()) == false { return .revoked }
        }
        return nil
    }

    /// Waits for the time of the next look, or for a change that asks for one; false when the waiting task is cancelled.
    private func pause(since seen: UInt64) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await self.sleep(self.standingInterval)) != nil }
            group.addTask {
                await self.untilChanged(seen)
                return !Task.isCancelled
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}
