/// A name under which changes are announced.
package struct NotificationChannel: Sendable, Hashable {
    /// The name as it stands in LISTEN, which takes no parameters: only characters that need no quotes.
    package let name: String

    /// - Precondition: lower-case letters, digits and underscores, starting with a letter, at most 63.
    package init(_ name: StaticString) {
        let text = name.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
        let isPlain = text.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: "_")
        }
        precondition(isPlain && text.first?.isLetter == true && text.utf8.count <= 63, "a channel's name must need no quotes")
        self.name = text
    }
}

/// What a listener hears.
package enum DatabaseNotification: Sendable, Hashable {
    /// Anything may have been announced and missed: read again what you follow. Comes first, after every interruption of the connection,
    /// and when more came than the listener's bound.
    case resync
    /// Somebody announced this, and it is committed.
    case payload(String)
}

/// What is announced on one channel, from the first iteration on, until the task is cancelled or the database closed.
///
/// For one iteration at a time. Dropping it ends the subscription.
package struct DatabaseNotifications: AsyncSequence, Sendable {
    package typealias Element = DatabaseNotification

    /// Ends the subscription when nobody holds it any more.
    private final class Token: Sendable {
        let onEnd: @Sendable () -> Void

        init(onEnd: @escaping @Sendable () -> Void) { self.onEnd = onEnd }

        deinit { self.onEnd() }
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let notifications: DatabaseNotifications

        /// Waits for the next announcement; nil once the task is cancelled or the database closed.
        package mutating func next() async -> DatabaseNotification? { await self.notifications.mailbox.next() }
    }

    private let mailbox: NotificationMailbox
    private let token: Token

    init(mailbox: NotificationMailbox, onEnd: @escaping @Sendable () -> Void) {
        self.mailbox = mailbox
        self.token = Token(onEnd: onEnd)
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(notifications: self) }
}

extension Database {
    /// No announcements: one must poll.
    package func notifications(on channel: NotificationChannel, maxBuffered: Int) -> DatabaseNotifications? { nil }

    /// What is announced on a channel, at most 1,024 waiting to be read; nil where one must poll.
    package func notifications(on channel: NotificationChannel) -> DatabaseNotifications? {
        self.notifications(on: channel, maxBuffered: 1024)
    }

    /// Has PostgreSQL announce it; does nothing where the database has no announcements.
    package func announce(_ payload: String, on channel: NotificationChannel, over connection: any DatabaseConnection) async throws {
        guard self.dialect == .postgreSQL else { return }
        try DatabaseNotifications.check(payload)
        _ = try await connection.query("SELECT pg_notify($1, $2)", channel.name, payload)
    }
}

extension DatabaseNotifications {
    /// Refuses what PostgreSQL would not carry.
    static func check(_ payload: String) throws(DatabaseError) {
        guard payload.utf8.count < 8000 else {
            throw DatabaseError(code: .tooBig, message: "an announcement has at most 7,999 bytes")
        }
    }
}
