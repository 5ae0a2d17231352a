package import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

/// The client of the internal channel over HTTP/2: a few long-lived connections to one peer, shared by all requests.
///
/// Run it as a service. It connects when the first request comes, goes on to other connections when the peer announces its end, and
/// sends a request a second time only when the first certainly was not processed and its body is bytes.
package final class HTTP2ChannelClient: ChannelClient {
    /// What is guarded by the one lock.
    struct State {
        var pool: ConnectionPool<HTTP2Connection, LeaseWaiter>
        /// Every connection that is not closed yet, those that drain included.
        var live: [Int: HTTP2Connection] = [:]
    }

    /// Where the peer is.
    package let address: ChannelAddress
    let limits: ChannelLimits
    let key: ChannelKey?
    let security: ChannelClientSecurity
    let tls: NIOSSLContext?
    let logger: Logger
    let state: Mutex<State>
    let producers: JobQueue<HTTP2Stream>

    /// How often a request is sent on, at the most, when connections turn it away unprocessed.
    private static let maxAttempts = 3

    /// Makes a client.
    ///
    /// - Throws: ``ChannelError`` with the code `insecure` when the security's trust roots are unusable.
    package init(
        address: ChannelAddress,
        key: ChannelKey?,
        security: ChannelClientSecurity = .plaintext,
        limits: ChannelLimits = ChannelLimits(),
        logger: Logger
    ) throws(ChannelError) {
        self.address = address
        self.key = key
        self.security = security
        self.limits = limits
        self.logger = logger
        self.tls = try ChannelTLS.context(for: security)
        self.producers = JobQueue(maxJobs: limits.maxStreamsPerConnection)
        self.state = Mutex(State(pool: ConnectionPool(limits: limits, maxConnections: limits.connectionsPerPeer)))
    }

    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.producers.run { await $0.produceRequestBody() }
            }
            group.addTask {
                try? await gracefulShutdown()
                self.drain()
                try? await Task.sleep(for: self.limits.drainTimeout)
            }
            await group.next()
            group.cancelAll()
        }
        self.closeAll()
    }

    package func send(_ request: ChannelRequest) async throws(ChannelError) -> ChannelResponse {
        try MessageRules.check(request, limits: self.limits)
        // What fails at once fails without waiting anywhere, so that a loop around it would not notice its cancellation by itself.
        if Task.isCancelled { throw ChannelError(.cancelled, "The request was cancelled before it was sent.") }
        var attempts = 1
        while true {
            let connection = try await self.lease(deadline: request.deadline)
            let stream = HTTP2Stream(request: request, connection: connection, isServer: false, limits: self.limits)
            try self.prepareBody(of: stream)
            switch await stream.exchange() {
            case .success(let response): return response
            case .failure(let error):
                // Turned away by a connection that is ending: another one will take it.
                guard error.code == .notProcessed, connection.isEnding, attempts < Self.maxAttempts, request.body.isRepeatable else {
                    throw error
                }
                attempts += 1
            }
        }
    }

    /// Puts the body in, or has its producer started.
    private func prepareBody(of stream: HTTP2Stream) throws(ChannelError) {
        if let bytes = stream.request.body.availableBytes {
            stream.prepareBody(bytes)
            return
        }
        do {
            try self.producers.push(stream)
        } catch {
            self.streamsEnded(1, on: stream.connection)
            switch error {
            case .full: throw ChannelError(.overloaded, "This client streams as many request bodies as it may.")
            case .finished: throw ChannelError(.shutDown, "This client has been stopped.")
            }
        }
    }

    /// Gets the least loaded connection, waiting for one if there is none.
    private func lease(deadline: ContinuousClock.Instant?) async throws(ChannelError) -> HTTP2Connection {
        // One on the caller's own event loop is reached without waking another thread.
        switch self.state.withLock({ $0.pool.lease { $0.eventLoop.inEventLoop } }) {
        case .leased(let connection, let actions):
            self.perform(actions)
            return connection
        case .failed(let error): throw error
        case .wait: break
        }
        let waiter = LeaseWaiter()
        var timer: Scheduled<Void>?
        if let deadline {
            let remaining = ContinuousClock.now.duration(to: deadline)
            timer = HTTP2Connection.group.next().scheduleTask(in: TimeAmount(remaining)) {
                waiter.end(.failure(ChannelError(.deadlineExceeded, "The request's time was up while it waited for a connection.")))
            }
        }
        let outcome = await waiter.outcome {
            self.perform(self.state.withLock { $0.pool.enqueue(waiter) })
        }
        timer?.cancel()
        if case .failure = outcome { self.state.withLock { $0.pool.remove(waiter) } }
        return try outcome.get()
    }
}
