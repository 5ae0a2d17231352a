import Store

/// Writes of an owner that are waited for no longer than they are of use.
enum LeasedWrite {
    /// The time for it is over, or the lease; whether it was written is not known.
    struct GivenUp: Error {}

    /// Writes until that is done, has failed, or is given up. A lease that does not hold to begin with lets nothing be written.
    static func attempt<Result: Sendable>(
        under lease: ReplicaLease, of source: any LeaseSource, _ write: @escaping @Sendable () async throws -> Result
    ) async -> Swift.Result<Result, any Error> {
        await self.first(of: write) { await source.untilLost(lease) }
    }

    /// The same with a bound of its own.
    static func attempt<Result: Sendable, C: Clock<Duration>>(
        under lease: ReplicaLease, of source: any LeaseSource, within time: Duration, on clock: C,
        _ write: @escaping @Sendable () async throws -> Result
    ) async -> Swift.Result<Result, any Error> {
        await self.first(of: write) {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await source.untilLost(lease) }
                group.addTask { try? await clock.sleep(for: time) }
                await group.next()
                group.cancelAll()
            }
        }
    }

    private static func first<Result: Sendable>(
        of write: @escaping @Sendable () async throws -> Result, before end: @escaping @Sendable () async -> Void
    ) async -> Swift.Result<Result, any Error> {
        await withTaskGroup(of: Swift.Result<Result, any Error>.self) { group in
            group.addTask {
                do { return .success(try await write()) } catch { return .failure(error) }
            }
            group.addTask {
                await end()
                return .failure(GivenUp())
            }
            var first = await group.next() ?? .failure(GivenUp())
            group.cancelAll()
            // What was written in the last moment is written.
            for await other in group {
                if case .success = other { first = other }
            }
            return first
        }
    }
}
