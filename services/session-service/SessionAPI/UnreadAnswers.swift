import Synchronization

/// The room of one process for large answers that wait for clients which read slowly or not at all.
///
/// Calls in flight are bounded, but an answer outlives its call until it was read; without this bound a client could call, not read, and
/// call again until the process has no memory left. Session-service and gateway have one each.
package final class UnreadAnswers: Sendable {
    /// Answers below this need no room: the bound on requests bounds them too.
    static let minBytes = 64 << 10

    /// The room of one answer; letting go of it gives the room back.
    package final class Room: Sendable {
        private let owner: UnreadAnswers
        let byteCount: Int

        fileprivate init(_ owner: UnreadAnswers, byteCount: Int) {
            self.owner = owner
            self.byteCount = byteCount
        }

        deinit { self.owner.giveBack(self.byteCount) }
    }

    /// There is no room for another answer.
    package struct Full: Error {}

    private let maxBytes: Int
    private let used = Mutex(0)

    package init(maxBytes: Int) { self.maxBytes = maxBytes }

    /// How many bytes wait now.
    package var byteCount: Int { self.used.withLock { $0 } }

    /// Takes room for an answer; nil for a small one, which needs none.
    package func takeRoom(for byteCount: Int) throws(Full) -> Room? {
        guard byteCount >= Self.minBytes else { return nil }
        let isTaken = self.used.withLock { used in
            guard used + byteCount <= self.maxBytes else { return false }
            used += byteCount
            return true
        }
        guard isTaken else { throw Full() }
        return Room(self, byteCount: byteCount)
    }

    private func giveBack(_ byteCount: Int) { self.used.withLock { $0 -= byteCount } }
}
