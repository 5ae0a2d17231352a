package import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

/// The server of the internal channel over HTTP/2.
///
/// Run it as a service: it listens as soon as it runs. Handlers are children of `run()`, at most ``ChannelLimits/maxConcurrentHandlers``
/// of them; what comes beyond is refused as not processed. They run on event loops: one that computes for longer than it takes to read
/// ``EventLoopExecutor/maxBytes`` must leave the loop, with `withTaskExecutorPreference(globalConcurrentExecutor)`.
package final class HTTP2ChannelServer: ChannelServer {
    private struct State {
        var connections: [ObjectIdentifier: HTTP2Connection] = [:]
        var isDraining = false
    }

    private let bindAddress: ChannelAddress
    private let handler: any ChannelHandler
    private let key: ChannelKey?
    private let tls: NIOSSLContext?
    private let limits: ChannelLimits
    private let logger: Logger
    /// The handlers' jobs, by event loop. A handler runs on the loop of its connection: most of them look something up and wait, and to
    /// wake another thread for that costs more than it.
    private let jobs: [ObjectIdentifier: JobQueue<HTTP2Stream>]
    private let latch = AddressLatch()
    private let state = Mutex(State())

    /// Makes a server.
    ///
    /// - Throws: ``ChannelError`` with the code `insecure` when the certificate or its key is unusable.
    package init(
        address: ChannelAddress,
        handler: any ChannelHandler,
        key: ChannelKey?,
        security: ChannelServerSecurity = .plaintext,
        limits: ChannelLimits = ChannelLimits(),
        logger: Logger
    ) throws(ChannelError) {
        self.bindAddress = address
        self.handler = handler
        self.key = key
        self.limits = limits
        self.logger = logger
        self.tls = try ChannelTLS.context(for: security)
        let limit = JobLimit(limits.maxConcurrentHandlers)
        self.jobs = Dictionary(
            uniqueKeysWithValues: HTTP2Connection.group.makeIterator().map { (ObjectIdentifier($0), JobQueue(limit: limit)) })
    }

    package var address: ChannelAddress {
        get async throws(ChannelError) { try await self.latch.get() }
    }

    package func run() async throws {
        let listener: any Channel
        do {
            listener = try await self.listen()
        } catch {
            self.latch.set(.failure(error))
            throw error
        }
        self.latch.set(.success(ChannelAddress(host: self.bindAddress.host, port: listener.localAddress?.port ?? self.bindAddress.port)))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.runHandlers() }
            group.addTask {
                try? await gracefulShutdown()
                self.drain(listener)
                try? await Task.sleep(for: self.limits.drainTimeout)
            }
            await group.next()
            group.cancelAll()
        }
        self.closeAll()
        try? await listener.close()
    }

    private func listen() async throws(ChannelError) -> any Channel {
        do {
            return try await ServerBootstrap(group: HTTP2Connection.group)
                .serverChannelOption(.backlog, value: 1_024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try self.setUp(channel) }
                }
                .bind(host: self.bindAddress.host, port: self.bindAddress.port)
                .get()
        } catch {
            let reason = (error as? IOError)?.description ?? "\(type(of: error))"
            throw ChannelError(.cannotListen, "The channel cannot listen on \(self.bindAddress): \(reason)")
        }
    }

    private func setUp(_ channel: any Channel) throws {
        if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
        let handler = HTTP2ConnectionHandler(
            role: .server(self), connection: HTTP2Connection(eventLoop: channel.eventLoop), key: self.key, isSecure: self.tls != nil,
            limits: self.limits)
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    // MARK: Handlers

    private func runHandlers() async {
        await withDiscardingTaskGroup { group in
            for loop in HTTP2Connection.group.makeIterator() {
                guard let jobs = self.jobs[ObjectIdentifier(loop)] else { continue }
                group.addTask(executorPreference: EventLoopExecutor(loop)) {
                    await jobs.run { await self.serve($0) }
                }
            }
        }
    }

    private func serve(_ stream: HTTP2Stream) async {
        await stream.task.run { await self.answer(stream) }
    }

    private func answer(_ stream: HTTP2Stream) async {
        do {
            let response = try await self.handler.respond(to: stream.receivedRequest)
            try MessageRules.check(response, limits: self.limits)
            guard stream.respond(response), response.body.availableBytes == nil else { return }
            if let holder = response.body.holder { return stream.leave(to: holder) }
            try await response.body.produce(into: ChannelBodyWriter(sink: stream))
            stream.finishWriting()
        } catch {
            stream.fail(ChannelError(.handlerFailed, "The handler failed; the server's log says why."))
            // A cancelled handler failed because its client is gone or its time is up, which is nobody's fault here.
            if Task.isCancelled { return }
            self.logger.error(
                "channel handler failed",
                metadata: ["method": "\(stream.request.method)", "path": "\(stream.request.path)", "error": "\(error)"])
        }
    }

    // MARK: The end

    private func drain(_ listener: any Channel) {
        listener.close(promise: nil)
        let connections = self.state.withLock { state in
            state.isDraining = true
            return Array(state.connections.values)
        }
        for connection in connections { connection.submit(.drain) }
        if connections.isEmpty { self.finishJobs() }
    }

    private func closeAll() {
        let connections = self.state.withLock { state in
            state.isDraining = true
            return Array(state.connections.values)
        }
        for connection in connections { connection.submit(.close(ChannelError(.connectionLost, "The server has stopped."))) }
        self.finishJobs()
    }

    private func finishJobs() {
        // The queue runs whenever connections exist, so nothing can be left in it.
        for jobs in self.jobs.values { _ = jobs.finish() }
    }
}

extension HTTP2ChannelServer: ServerConnectionOwner {
    func connectionOpened(_ connection: HTTP2Connection) -> Bool {
        self.state.withLock { state in
            guard !state.isDraining, state.connections.count < self.limits.maxConnections else { return false }
            state.connections[ObjectIdentifier(connection)] = connection
            return true
        }
    }

    func accept(_ stream: HTTP2Stream) throws(JobQueue<HTTP2Stream>.Refusal) {
        guard let jobs = self.jobs[ObjectIdentifier(stream.connection.eventLoop)] else { throw .finished }
        try jobs.push(stream)
    }

    func connectionRefused(_ connection: HTTP2Connection) {
        self.logger.warning("channel client without the right key; check roost.channel.key_file of the gateway and the session-service")
    }

    func connectionClosed(_ connection: HTTP2Connection, because error: ChannelError) {
        let isLast = self.state.withLock { state in
            let wasThere = state.connections.removeValue(forKey: ObjectIdentifier(connection)) != nil
            return wasThere && state.isDraining && state.connections.isEmpty
        }
        self.logger.debug("channel connection ended", metadata: ["reason": "\(error)"])
        if isLast { self.finishJobs() }
    }
}
