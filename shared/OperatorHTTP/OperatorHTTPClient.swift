internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// A small bounded HTTP client for targets that only the installation's configuration names: token issuers, collectors.
///
/// It reaches private addresses, because an operator's issuer may well be one. So nothing that an agent, a user or a document can
/// influence may ever become its URL: that is what `Egress` is for. It follows no redirects, which would let the target choose another.
package final class OperatorHTTPClient: Sendable {
    private let client: HTTPClient
    private let limits: OperatorHTTPLimits

    /// Makes a client. Close it with ``shutdown()``.
    package init(limits: OperatorHTTPLimits = OperatorHTTPLimits()) {
        self.limits = limits
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: TimeAmount(limits.connectTimeout), read: TimeAmount(limits.timeout)),
            connectionPool: .init(idleTimeout: .seconds(30), concurrentHTTP1ConnectionsPerHostSoftLimit: limits.maxConnectionsPerHost),
            decompression: .disabled)
        configuration.connectionPool.retryConnectionEstablishment = false
        // A client that reports spans must not make them.
        configuration.tracing.tracer = nil
        // One loop for requests and connections: see the remark at Egress's lanes.
        self.client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton.next(), configuration: configuration)
    }

    /// Gets a document whole.
    package func get(_ url: String, accept: String = "application/json") async throws(OperatorHTTPError) -> OperatorHTTPResponse {
        try await self.send(method: "GET", url, headers: [("accept", accept)], body: nil)
    }

    /// Sends one request and returns the whole answer, whatever its status.
    package func send(
        method: String, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil
    ) async throws(OperatorHTTPError) -> OperatorHTTPResponse {
        var fields = HTTPHeaders(headers.map { ($0.name, $0.value) })
        fields.replaceOrAdd(name: "user-agent", value: "roost")
        do {
            let request = try HTTPClient.Request(
                url: url, method: HTTPMethod(rawValue: method), headers: fields, body: body.map { .bytes($0) })
            // The delegate's form of the call, because its deadline covers the body too.
            let task = self.client.execute(
                request: request, delegate: ResponseAccumulator(request: request, maxBodySize: self.limits.maxResponseBytes),
                deadline: .now() + TimeAmount(self.limits.timeout))
            let answer = try await withTaskCancellationHandler {
                try await task.get()
            } onCancel: {
                task.cancel()
            }
            return OperatorHTTPResponse(
                status: Int(answer.status.code), headers: answer.headers.map { ($0.name.lowercased(), $0.value) },
                body: answer.body.map { Array($0.readableBytesView) } ?? [])
        } catch {
            throw OperatorHTTPError(error, maxResponseBytes: self.limits.maxResponseBytes)
        }
    }

    /// Closes all connections; requests under way fail. May be called more than once.
    package func shutdown() async {
        // Throws only when it is already shut down.
        try? await self.client.shutdown()
    }
}

/// The bounds of an ``OperatorHTTPClient``; the time is the caller's to set from its own configuration key, the others are fixed.
package struct OperatorHTTPLimits: Sendable, Hashable {
    /// One exchange, from connecting to the last byte.
    package var timeout: Duration = .seconds(5)
    /// Opening a connection, the TLS handshake included.
    package var connectTimeout: Duration = .seconds(3)
    /// The largest answer.
    package var maxResponseBytes = 1 << 20
    /// Connections to one host and port.
    package var maxConnectionsPerHost = 4

    /// The defaults.
    package init() {}
}

/// A whole answer.
package struct OperatorHTTPResponse: Sendable {
    package let status: Int
    /// Header fields in lower case, in the order received.
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]

    /// The first value of a header field; `name` in lower case.
    package func header(_ name: String) -> String? {
        self.headers.first { $0.name == name }?.value
    }
}

/// Why a target gave no answer. Its description may go to the operator's log: it names no credential.
package struct OperatorHTTPError: Error, Sendable, CustomStringConvertible {
    /// What went wrong.
    package enum Code: String, Sendable {
        /// Nobody answered, or not in time.
        case unreachable
        /// The answer is larger than the bound.
        case tooLarge = "too_large"
        /// The task was cancelled.
        case cancelled
    }

    package let code: Code
    package let description: String

    fileprivate init(_ error: any Error, maxResponseBytes: Int) {
        switch error {
        case is ResponseAccumulator.ResponseTooBigError:
            self.code = .tooLarge
            self.description = "the answer is larger than \(maxResponseBytes) bytes"
        case let error as HTTPClientError where error == .cancelled || error == .alreadyShutdown:
            self.code = .cancelled
            self.description = "the request was cancelled"
        default:
            self.code = .unreachable
            self.description = "\(error)"
        }
    }
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
