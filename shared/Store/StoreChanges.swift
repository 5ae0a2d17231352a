import Database
package import Model

/// Changes that the processes of an installation tell each other about.
///
/// An announcement is part of the transaction that makes the change. It carries an id or nothing: every process that listens hears it,
/// whosever the change is, and reads for itself what it may see. Nobody relies on one: who listens also looks again after a while, so
/// that a lost announcement costs that while and no more.
package struct StoreChanges<ID: PublicID>: AsyncSequence, Sendable {
    /// What a listener hears.
    package enum Element: Sendable, Hashable {
        /// Anything may have changed unheard: at the beginning, after every interruption of the connection, and when more was announced
        /// than waits to be read.
        case anything
        /// This one changed, and the change is committed.
        case of(ID)
    }

    /// Reads one announcement after another.
    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var base: DatabaseNotifications.AsyncIterator

        /// Waits for the next; nil once the task is cancelled or the database closed.
        package mutating func next() async -> Element? {
            switch await self.base.next() {
            case nil: nil
            case .resync: .anything
            case .payload(let text): ID(text).map(Element.of) ?? .anything
            }
        }
    }

    private let notifications: DatabaseNotifications

    init?(_ channel: NotificationChannel, of database: any Database) {
        // More than these become one `anything`, which costs the listener one look at the whole.
        guard let notifications = database.notifications(on: channel, maxBuffered: 256) else { return nil }
        self.notifications = notifications
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: self.notifications.makeAsyncIterator()) }
}

extension StoreChanges {
    /// Runs `body` after every pause, and at once after every change that concerns the caller, until the task is cancelled.
    ///
    /// The two may run at the same time. Nothing is run at the very beginning: who listens has looked, or looks after the first pause.
    ///
    /// - Parameters:
    ///   - changes: nil where the database tells nobody anything.
    ///   - pause: throws when the task is cancelled.
    package static func repeating(
        _ changes: StoreChanges?, isMeant: @escaping @Sendable (ID) -> Bool, or pause: @escaping @Sendable () async throws -> Void,
        _ body: @escaping @Sendable () async -> Void
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { while (try? await pause()) != nil { await body() } }
            if let changes {
                group.addTask {
                    for await change in changes {
                        if case .of(let id) = change, !isMeant(id) { continue }
                        await body()
                    }
                }
            }
        }
    }
}

extension NotificationChannel {
    /// The organization whose revision was raised.
    static let revisions = NotificationChannel("roost_revisions")
    /// The process that runs an execution which somebody wants stopped.
    static let cancellations = NotificationChannel("roost_cancellations")
    /// The process that has a session which somebody closed.
    static let closings = NotificationChannel("roost_closings")
    /// The process that came, went, or takes no more work.
    static let replicas = NotificationChannel("roost_replicas")
}
