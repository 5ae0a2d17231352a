internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// The connections to one scheme, host, port *and address*: an HTTP client that can reach nothing but the address that was checked.
///
/// AsyncHTTPClient resolves names itself, and keeps what it needs for every host it ever saw until it is shut down. One client for each
/// lane answers both: its name override is the checked address, and closing the lane frees it. Beneath that, every new
/// connection's remote address is compared before a byte of HTTP is written, so that a difference in how the two sides read a
/// host cannot reach anything.
final class Lane: Sendable {
    /// What sets one lane apart from another.
    struct Key: Hashable, Sendable {
        let scheme: EgressURL.Scheme
        let host: EgressURL.Host
        let port: Int
        let address: IPAddress
    }

    let key: Key
    private let client: HTTPClient

    init(key: Key, limits: EgressLimits, trust: TrustRoots) {
        self.key = key
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: trust.configuration, redirectConfiguration: .disallow,
            timeout: .init(
                connect: TimeAmount(limits.connectTimeout), read: TimeAmount(limits.idleTimeout), write: TimeAmount(limits.idleTimeout)),
            connectionPool: .init(
                idleTimeout: TimeAmount(limits.keepAlive), concurrentHTTP1ConnectionsPerHostSoftLimit: limits.maxConnectionsPerHost),
            proxy: nil, decompression: .disabled)
        // Retrying would turn a refused connection into a time-out, and the next address is tried anyway.
        configuration.connectionPool.retryConnectionEstablishment = false
        // Spans and trace headers are explicit calls of the code above; a global tracer must not add its own.
        configuration.tracing.tracer = nil
        if case .name(let name) = key.host { configuration.dnsOverride = [name: key.address.description] }
        configuration.http1_1ConnectionDebugInitializer = { Self.verify($0, isConnectedTo: key.address) }
        configuration.http2ConnectionDebugInitializer = { Self.verify($0, isConnectedTo: key.address) }
        // One loop for the lane's requests and connections. Between two, AsyncHTTPClient 1.37 takes the end of a request late: a server
        // that answers before it has read the request, and closes, then ends the whole process ("a connection that we don't know").
        self.client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton.next(), configuration: configuration)
    }

    /// Sends one request and collects the answer. Throws whatever the client throws; the task's cancellation ends the request.
    func send(_ request: HTTPClient.Request, collectingInto exchange: Exchange, deadline: NIODeadline) async throws -> Exchange.Answer {
        let task = self.client.execute(
            request: request, delegate: exchange, deadline: deadline,
            logger: Logger(label: "egress.silent") { _ in SwiftLogNoOpLogHandler() })
        return try await withTaskCancellationHandler {
            try await task.get()
        } onCancel: {
            task.cancel()
        }
    }

    /// Closes the connections; requests still under way fail.
    func shutdown() async {
        // Throws only when it is already shut down.
        try? await self.client.shutdown()
    }

    /// Closes the connections without waiting: a peer that does not answer the TLS closure must not hold up the request that evicted it.
    func abandon() {
        self.client.shutdown { _ in }
    }

    /// Fails, and closes the connection, unless it leads to the address. Called on the channel's event loop.
    static func verify(_ channel: any Channel, isConnectedTo address: IPAddress) -> EventLoopFuture<Void> {
        if let text = channel.remoteAddress?.ipAddress, IPAddress(text) == address {
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        channel.close(promise: nil)
        return channel.eventLoop.makeFailedFuture(AddressMismatch())
    }

    /// A connection does not lead where it was sent.
    struct AddressMismatch: Error {}
}

extension TimeAmount {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
