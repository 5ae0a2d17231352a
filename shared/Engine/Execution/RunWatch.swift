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

    /// Waits until the caller's time is up; nil without a limit, or when the waiting task is cancelled.
    func timeIsUp() async -> StopReason? {
        guard let timeLimit = self.timeLimit, (try? await self.sleep(timeLimit)) != nil else { return nil }
        return .timedOut
    }

    /// Waits until the principal's key is revoked; nil when the waiting task is cancelled. A look that fails says nothing: a program is
    /// not stopped because the database is away, and its calls are refused meanwhile.
    func revocation() async -> StopReason? {
        while (try? await self.sleep(self.standingInterval)) != nil {
            if (try? await self.isActive()) == false { return .revoked }
        }
        return nil
    }
}
