import Model
import Synchronization

/// The openings of sessions that failed after their row may have been written: nobody knows of such a session, and its row must go.
///
/// Kept in memory only. A process that ends before it could end them leaves the rows to their retention.
final class AbandonedSessions: Sendable {
    private struct Entry {
        let organization: OrganizationID
        var looksLeft: Int
        var isTaken = false
    }

    private let maxCount: Int
    private let looks: Int
    private let entries = Mutex<[SessionRecordID: Entry]>([:])

    /// - Parameters:
    ///   - maxCount: How many are kept; what comes beyond is not taken.
    ///   - looks: How often a row is looked for that is not there, because a statement whose answer was lost may still write it.
    init(maxCount: Int = 1_000, looks: Int = 60) {
        self.maxCount = maxCount
        self.looks = looks
    }

    /// How many there are.
    var count: Int { self.entries.withLock { $0.count } }

    /// Adds one; false when there are as many as may be.
    func insert(_ record: SessionRecordID, of organization: OrganizationID) -> Bool {
        self.entries.withLock { entries in
            guard entries.count < self.maxCount else { return false }
            entries[record] = Entry(organization: organization, looksLeft: self.looks)
            return true
        }
    }

    /// Those that nobody is at work on; each is to be told of afterwards.
    func take() -> [(SessionRecordID, OrganizationID)] {
        self.entries.withLock { entries in
            let free = entries.filter { !$0.value.isTaken }
            for record in free.keys { entries[record]?.isTaken = true }
            return free.map { ($0.key, $0.value.organization) }
        }
    }

    /// Its row is gone.
    func remove(_ record: SessionRecordID) { self.entries.withLock { _ = $0.removeValue(forKey: record) } }

    /// Its row was not there.
    func lookAgain(_ record: SessionRecordID) {
        self.entries.withLock { entries in
            guard var entry = entries[record] else { return }
            entry.looksLeft -= 1
            entry.isTaken = false
            entries[record] = entry.looksLeft > 0 ? entry : nil
        }
    }

    /// It could not be looked at.
    func tryAgain(_ record: SessionRecordID) { self.entries.withLock { $0[record]?.isTaken = false } }
}
