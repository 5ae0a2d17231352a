import Synchronization

/// What the calls of one run have done so far, for the words that end it.
final class CallJournal: Sendable {
    private let sentWrites = Mutex(0)

    /// Notes that a call which may write is about to be sent.
    func willSendWrite() { self.sentWrites.withLock { $0 += 1 } }

    /// Whether nothing that was sent may have changed anything, so that the program can be run again.
    var isRepeatable: Bool { self.sentWrites.withLock { $0 == 0 } }
}
