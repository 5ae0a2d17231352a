import Logging
import NIOCore
import NIOPosix
import Synchronization

extension HTTP2ChannelClient {
    /// Does what the pool has decided.
    func perform(_ actions: ConnectionPool<HTTP2Connection, LeaseWaiter>.Actions) {
        for (waiter, error) in actions.failures { waiter.end(.failure(error)) }
        for (waiter, connection) in actions.leases where !waiter.end(.success(connection)) {
            self.streamsEnded(1, on: connection)
        }
        for connection in actions.retire { connection.submit(.drain) }
        for attempt in actions.connect { self.connect(attempt) }
        if let (token, failures) = actions.backOff {
            HTTP2Connection.group.next().scheduleTask(in: TimeAmount(self.pause(after: failures))) {
                self.perform(self.state.withLock { $0.pool.backOffEnded(token) })
            }
        }
    }

    /// Doubles with every failure, with a spread of a quarter so that clients do not come back all at once.
    private func pause(after failures: Int) -> Duration {
        let full = min(self.limits.maxBackoff, self.limits.minBackoff * (1 << min(failures - 1, 16)))
        return full * Double.random(in: 0.75...1)
    }

    private func connect(_ attempt: Int) {
        let (connection, eventLoop) = self.state.withLock { state in
            // Every event loop is to have one of its own, so that requests that are made on it need no other.
            let counts = Dictionary(grouping: state.live.values) { ObjectIdentifier($0.eventLoop) }.mapValues(\.count)
            let loop = HTTP2Connection.group.makeIterator().min {
                (counts[ObjectIdentifier($0)] ?? 0) < (counts[ObjectIdentifier($1)] ?? 0)
            }
            let eventLoop = loop ?? HTTP2Connection.group.next()
            let connection = HTTP2Connection(eventLoop: eventLoop, attempt: attempt)
            state.live[attempt] = connection
            return (connection, eventLoop)
        }
        // The handlers come after the connection, because a name with several addresses is tried with a channel for each; nothing is read
        // before they are there.
        ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(self.limits.connectTimeout))
            .resolver(NameResolver(eventLoop: eventLoop))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .connect(host: self.address.host, port: self.address.port)
            .flatMapThrowing { channel in try self.setUp(channel, connection) }
            .whenFailure { error in
                let reason = ChannelTLS.error(from: error)
                let code = reason.code == .insecure ? reason.code : .unavailable
                self.connectionClosed(connection, because: ChannelError(code, "Connecting to \(self.address) failed: \(Self.text(error))"))
            }
    }

    private func setUp(_ channel: any Channel, _ connection: HTTP2Connection) throws {
        do {
            if let tls = self.tls {
                let handler = try ChannelTLS.clientHandler(tls, security: self.security, host: self.address.host)
                try channel.pipeline.syncOperations.addHandler(handler)
            }
            let handler = HTTP2ConnectionHandler(
                role: .client(self, authority: self.address.description), connection: connection, key: self.key,
                isSecure: self.tls != nil, limits: self.limits)
            try channel.pipeline.syncOperations.addHandler(handler)
            channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }

    private static func text(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { self.text($0.error) } ?? (error.dnsAAAAError ?? error.dnsAError).map(self.text)
                ?? "the host name has no address"
        case NIOCore.ChannelError.connectTimeout(let time): "no connection within \(time.nanoseconds / 1_000_000) ms"
        case let error as NameResolver.Failure: "looking the name up failed: \(error)"
        case let error as IOError: error.description
        case let error as ChannelError: error.message
        default: "\(type(of: error))"
        }
    }

    /// Takes no more requests; connections close when what runs on them has ended.
    func drain() {
        let (actions, live) = self.state.withLock { state in (state.pool.shutDown(), Array(state.live.values)) }
        self.perform(actions)
        for connection in live { connection.submit(.drain) }
        if live.isEmpty { self.finishProducers() }
    }

    /// Closes everything at once.
    func closeAll() {
        let (actions, live) = self.state.withLock { state in (state.pool.shutDown(), Array(state.live.values)) }
        self.perform(actions)
        for connection in live { connection.submit(.close(ChannelError(.shutDown, "This client has been stopped."))) }
        self.finishProducers()
    }

    private func finishProducers() {
        for stream in self.producers.finish() { stream.end(.connection(ChannelError(.shutDown, "This client has been stopped."))) }
    }
}

extension HTTP2ChannelClient: ClientConnectionOwner {
    func connectionIsReady(_ connection: HTTP2Connection, maxStreams: Int) {
        let (isWanted, actions) = self.state.withLock { state in
            state.pool.connected(connection.attempt, connection: connection, maxStreams: maxStreams)
        }
        self.perform(actions)
        if !isWanted { connection.submit(.drain) }
    }

    func connectionIsProven(_ connection: HTTP2Connection) {
        self.state.withLock { $0.pool.proven(connection.attempt) }
    }

    func connectionIsDraining(_ connection: HTTP2Connection, because error: ChannelError?) {
        connection.markEnding()
        self.perform(self.state.withLock { $0.pool.draining(connection.attempt, because: error) })
    }

    func streamsEnded(_ count: Int, on connection: HTTP2Connection) {
        self.perform(self.state.withLock { $0.pool.released(connection.attempt, count: count) })
    }

    func connectionClosed(_ connection: HTTP2Connection, because error: ChannelError) {
        connection.markEnding()
        let (actions, isLast) = self.state.withLock { state in
            let actions = state.pool.closed(connection.attempt, because: error)
            let wasLive = state.live.removeValue(forKey: connection.attempt) != nil
            return (actions, wasLive && state.live.isEmpty && state.pool.isShutDown)
        }
        self.logger.debug("channel connection ended", metadata: ["peer": "\(self.address)", "reason": "\(error)"])
        self.perform(actions)
        if isLast { self.finishProducers() }
    }
}
