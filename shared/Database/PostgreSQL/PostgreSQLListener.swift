import Dispatch
import Synchronization

/// The one connection of a database that listens to announcements.
///
/// It is there while somebody listens. When it ends it is made anew, with growing and scattered pauses, and every listener is told to
/// read again what it follows: what was announced in between is lost.
final class PostgreSQLListener: Sendable {
    private struct State {
        var mailboxes: [NotificationChannel: [UInt64: NotificationMailbox]] = [:]
        /// Channels that the server has promised to report on the current connection.
        var listening: Set<NotificationChannel> = []
        var link: PostgreSQLLink?
        var isConnected = false
        var nextID: UInt64 = 0
        var failedAttempts = 0
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let configuration: PostgreSQLConfiguration
    private let timerQueue = DispatchQueue(label: "roost.postgresql.listener")

    init(_ configuration: PostgreSQLConfiguration) { self.configuration = configuration }

    /// Begins to listen to a channel.
    func join(_ channel: NotificationChannel, maxBuffered: Int) -> DatabaseNotifications {
        let mailbox = NotificationMailbox(maxBuffered: maxBuffered)
        let (id, action) = self.state.withLock { state -> (UInt64, Action) in
            let id = state.nextID
            state.nextID += 1
            if state.isClosed { return (id, .finish) }
            state.mailboxes[channel, default: [:]][id] = mailbox
            guard let link = state.link else { return (id, .connect(self.makeLink(&state))) }
            if state.listening.contains(channel) { return (id, .resync) }
            return (id, state.isConnected ? .listen(link) : .none)
        }
        switch action {
        case .none: break
        case .finish: mailbox.finish()
        case .resync: mailbox.deliver(.resync)
        case .listen(let link): self.listen(to: channel, on: link)
        case .connect(let link): self.connect(link)
        }
        return DatabaseNotifications(mailbox: mailbox) { [weak self] in self?.leave(channel, id) }
    }

    /// Ends all listening and the connection; returns when its descriptor is closed.
    func close() async {
        self.abandon()
        await withCheckedContinuation { continuation in
            let isDone = self.state.withLock { state in
                if state.link != nil { state.closers.append(continuation) }
                return state.link == nil
            }
            if isDone { continuation.resume() }
        }
    }

    /// Ends all listening and, some time later, the connection.
    func abandon() {
        let (mailboxes, link) = self.state.withLock { state in
            state.isClosed = true
            defer { state.mailboxes = [:] }
            return (state.mailboxes.values.flatMap(\.values), state.link)
        }
        for mailbox in mailboxes { mailbox.finish() }
        link?.close()
    }

    private enum Action {
        case none
        case finish
        case resync
        case listen(PostgreSQLLink)
        case connect(PostgreSQLLink)
    }

    private func makeLink(_ state: inout State) -> PostgreSQLLink {
        let link = PostgreSQLLink(id: -1, configuration: self.configuration) { [weak self] in self?.hear($0) }
        state.link = link
        state.isConnected = false
        state.listening = []
        return link
    }

    private func connect(_ link: PostgreSQLLink) {
        link.connect()
        self.keepAlive(link)
    }

    private func hear(_ event: PostgreSQLLink.Event) {
        switch event {
        case .connected: self.connected()
        case .notification(let channel, let payload): self.deliver(payload, on: channel)
        case .failed: self.state.withLock { $0.failedAttempts += 1 }
        case .closed: self.closed()
        case .lost, .finished, .left: break
        }
    }

    private func connected() {
        let (link, channels) = self.state.withLock { state in
            state.isConnected = true
            state.failedAttempts = 0
            return (state.link, Array(state.mailboxes.keys))
        }
        guard let link else { return }
        for channel in channels { self.listen(to: channel, on: link) }
    }

    private func listen(to channel: NotificationChannel, on link: PostgreSQLLink) {
        link.submit(
            PostgreSQLRequest(sql: "LISTEN \(channel.name)") { [weak self] result in
                switch result {
                case .success: self?.listening(to: channel, on: link)
                // The connection has ended already, or is of no use.
                case .failure: link.close()
                }
            })
    }

    private func listening(to channel: NotificationChannel, on link: PostgreSQLLink) {
        let mailboxes = self.state.withLock { state -> [NotificationMailbox] in
            guard state.link === link else { return [] }
            state.listening.insert(channel)
            return state.mailboxes[channel].map { Array($0.values) } ?? []
        }
        for mailbox in mailboxes { mailbox.deliver(.resync) }
    }

    private func deliver(_ payload: String, on name: String) {
        let mailboxes = self.state.withLock { state in
            state.mailboxes.first { $0.key.name == name }.map { Array($0.value.values) } ?? []
        }
        for mailbox in mailboxes { mailbox.deliver(.payload(payload)) }
    }

    private func leave(_ channel: NotificationChannel, _ id: UInt64) {
        let unused = self.state.withLock { state -> PostgreSQLLink? in
            state.mailboxes[channel]?[id] = nil
            guard state.mailboxes[channel]?.isEmpty == true else { return nil }
            state.mailboxes[channel] = nil
            if state.mailboxes.isEmpty { return state.link }
            // Here, so that it comes before the LISTEN of whoever joins next.
            if state.listening.remove(channel) != nil {
                state.link?.submit(PostgreSQLRequest(sql: "UNLISTEN \(channel.name)") { _ in })
            }
            return nil
        }
        unused?.close()
    }

    /// The connection is gone: there is another one after a while, if anybody listens.
    private func closed() {
        let (pause, closers) = self.state.withLock { state -> (Duration?, [CheckedContinuation<Void, Never>]) in
            state.link = nil
            state.isConnected = false
            state.listening = []
            defer { state.closers = [] }
            guard !state.isClosed, !state.mailboxes.isEmpty else { return (nil, state.closers) }
            let full = min(.milliseconds(50) * (1 << min(state.failedAttempts, 16)), self.configuration.maxReconnectPause)
            return (full * Double.random(in: 0.5...1), state.closers)
        }
        for closer in closers { closer.resume() }
        guard let pause else { return }
        self.timerQueue.asyncAfter(deadline: .now() + pause.seconds) { [weak self] in self?.reconnect() }
    }

    private func reconnect() {
        let link = self.state.withLock { state -> PostgreSQLLink? in
            guard state.link == nil, !state.isClosed, !state.mailboxes.isEmpty else { return nil }
            return self.makeLink(&state)
        }
        if let link { self.connect(link) }
    }

    /// A connection on which nothing happens would not notice that its server is gone.
    private func keepAlive(_ link: PostgreSQLLink) {
        self.timerQueue.asyncAfter(deadline: .now() + self.configuration.keepAliveInterval.seconds) { [weak self, weak link] in
            guard let self, let link, self.state.withLock({ $0.link === link }) else { return }
            link.keepAlive()
            self.keepAlive(link)
        }
    }
}
