import Synchronization

/// Announcements among the listeners of one process: SQLite has none of its own, and what other processes of the machine announce is not
/// heard.
final class LocalAnnouncements: Sendable {
    /// Something to be announced when its transaction commits.
    struct Pending: Sendable {
        let payload: String
        let channel: NotificationChannel
    }

    private struct State {
        var mailboxes: [NotificationChannel: [UInt64: NotificationMailbox]] = [:]
        var lastID: UInt64 = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Begins to listen to a channel.
    func join(_ channel: NotificationChannel, maxBuffered: Int) -> DatabaseNotifications {
        let mailbox = NotificationMailbox(maxBuffered: maxBuffered)
        let id = self.state.withLock { state -> UInt64? in
            guard !state.isClosed else { return nil }
            state.lastID += 1
            state.mailboxes[channel, default: [:]][state.lastID] = mailbox
            return state.lastID
        }
        guard let id else {
            mailbox.finish()
            return DatabaseNotifications(mailbox: mailbox) {}
        }
        mailbox.deliver(.resync)
        return DatabaseNotifications(mailbox: mailbox) { [weak self] in self?.leave(channel, id) }
    }

    /// Tells all who listen.
    func deliver(_ announcement: Pending) {
        let mailboxes = self.state.withLock { Array($0.mailboxes[announcement.channel, default: [:]].values) }
        for mailbox in mailboxes { mailbox.deliver(.payload(announcement.payload)) }
    }

    /// Ends all listening.
    func close() {
        let mailboxes = self.state.withLock { state in
            state.isClosed = true
            defer { state.mailboxes = [:] }
            return state.mailboxes.values.flatMap(\.values)
        }
        for mailbox in mailboxes { mailbox.finish() }
    }

    private func leave(_ channel: NotificationChannel, _ id: UInt64) {
        self.state.withLock { state in
            state.mailboxes[channel]?[id] = nil
            if state.mailboxes[channel]?.isEmpty == true { state.mailboxes[channel] = nil }
        }
    }
}
