import NIOCore
import NIOPosix
package import NIOSSL

/// A TCP server on loopback whose every connection is played by a script, so that it can do what no proper server does: break off,
/// stall, drip, lie about lengths.
package struct ScriptedServer: Sendable {
    /// Threads of its own: what a script does to its event loop must not slow the client under test.
    private static let threads = MultiThreadedEventLoopGroup(numberOfThreads: 2)

    /// The port it listens on.
    package let port: Int

    /// Runs a server for as long as `body` runs. A script that throws ends its connection alone.
    ///
    /// - Parameters:
    ///   - host: The loopback address to listen on; Linux has all of 127.0.0.0/8.
    ///   - port: The port, or 0 for one that the system chooses.
    ///   - tls: The server's certificate and key, for TLS.
    ///   - script: Plays one connection; it is closed when the script returns, and the script is cancelled when `body` returns.
    ///   - body: Uses the server.
    package static func run<Answer: Sendable>(
        host: String = "127.0.0.1", port: Int = 0, tls: NIOSSLContext? = nil,
        script: @Sendable @escaping (inout ScriptedConnection) async throws -> Void,
        _ body: (ScriptedServer) async throws -> Answer
    ) async throws -> Answer {
        let listener = try await ServerBootstrap(group: self.threads)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.autoRead, value: false)
            .bind(host: host, port: port) { channel in
                // Wrapped only when it is played: NIO ends the process over a wrapper that nobody runs, and one that comes while the
                // listener ends is dropped.
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    return channel
                }
            }
        guard let port = listener.channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.serve(listener, script: script) }
            defer { group.cancelAll() }
            return try await body(ScriptedServer(port: port))
        }
    }

    private static func serve(
        _ listener: NIOAsyncChannel<any Channel, Never>,
        script: @Sendable @escaping (inout ScriptedConnection) async throws -> Void
    ) async {
        // The listener ends with its task's cancellation, which is no fault.
        try? await listener.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                for try await channel in connections {
                    group.addTask {
                        try? await self.play(channel, script: script)
                    }
                }
            }
        }
    }
}

extension ScriptedServer {
    private static func play(
        _ channel: any Channel, script: @Sendable @escaping (inout ScriptedConnection) async throws -> Void
    ) async throws {
        let connection = try await channel.eventLoop.submit {
            try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }.get()
        channel.setOption(.autoRead, value: true).whenFailure { _ in channel.close(promise: nil) }
        try await connection.executeThenClose { inbound, outbound in
            // Unbounded, because what clients under test send is small and a script that does not read must not stop the reading of the
            // end of the connection.
            let (chunks, feed) = AsyncThrowingStream.makeStream(of: ByteBuffer.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    do {
                        for try await chunk in inbound { feed.yield(chunk) }
                        feed.finish()
                    } catch {
                        feed.finish(throwing: error)
                    }
                }
                defer { group.cancelAll() }
                var scripted = ScriptedConnection(channel: connection.channel, inbound: chunks.makeAsyncIterator(), outbound: outbound)
                try await script(&scripted)
            }
        }
    }
}

/// One connection to a ``ScriptedServer``, as its script sees it.
package struct ScriptedConnection {
    /// A request as it came over the wire.
    package struct Request: Sendable {
        /// Method, target and version, as sent.
        package let line: String
        /// Header fields with their names in lower case.
        package let headers: [(name: String, value: String)]
        /// The body by Content-Length.
        package let body: [UInt8]

        /// The request's method.
        package var method: String { String(self.line.prefix { $0 != " " }) }

        /// The request's target, as sent.
        package var target: String { String(self.line.split(separator: " ").dropFirst().first ?? "") }

        /// The first value of a field.
        package func header(_ name: String) -> String? { self.headers.first { $0.name == name }?.value }
    }

    private let channel: any Channel
    private var inbound: AsyncThrowingStream<ByteBuffer, any Error>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var buffer = ByteBuffer()

    fileprivate init(
        channel: any Channel, inbound: AsyncThrowingStream<ByteBuffer, any Error>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.channel = channel
        self.inbound = inbound
        self.outbound = outbound
    }

    /// Reads one request; nil when the client closed.
    package mutating func readRequest() async throws -> Request? {
        while true {
            if let request = self.takeRequest() { return request }
            guard let more = try await self.inbound.next(isolation: #isolation) else { return nil }
            self.buffer.writeImmutableBuffer(more)
        }
    }

    /// Waits for the first bytes of a request, which it leaves unread; false when the client closed.
    package mutating func waitForBytes() async throws -> Bool {
        guard let more = try await self.inbound.next(isolation: #isolation) else { return false }
        self.buffer.writeImmutableBuffer(more)
        return true
    }

    /// Waits until the client closes its side; what comes before is dropped.
    package mutating func waitForClose() async throws {
        while try await self.inbound.next(isolation: #isolation) != nil {}
    }

    /// Writes text as it is.
    package func write(_ text: String) async throws {
        try await self.outbound.write(ByteBuffer(string: text))
    }

    /// Writes bytes as they are.
    package func write(_ bytes: [UInt8]) async throws {
        try await self.outbound.write(ByteBuffer(bytes: bytes))
    }

    /// Writes a whole answer with its Content-Length.
    package func answer(status: String = "200 OK", headers: [(String, String)] = [], body: String = "") async throws {
        let fields = headers.map { "\($0): \($1)\r\n" }.joined()
        try await self.write("HTTP/1.1 \(status)\r\ncontent-length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
    }

    /// Ends the connection with a reset instead of an orderly end.
    package func reset() async throws {
        guard let socket = self.channel as? any SocketOptionProvider else { return }
        try await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await self.channel.close().get()
    }

    /// Cuts one whole request off the front of what came.
    private mutating func takeRequest() -> Request? {
        let text = String(buffer: self.buffer)
        guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
        let head = text[..<end.lowerBound]
        var lines = head.split(separator: "\r\n")
        guard !lines.isEmpty else { return nil }
        let line = String(lines.removeFirst())
        let headers = lines.compactMap { field -> (name: String, value: String)? in
            guard let colon = field.firstIndex(of: ":") else { return nil }
            return (field[..<colon].lowercased(), String(field[field.index(after: colon)...].drop { $0 == " " }))
        }
        let length = headers.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
        let headBytes = head.utf8.count + 4
        guard self.buffer.readableBytes >= headBytes + length else { return nil }
        self.buffer.moveReaderIndex(forwardBy: headBytes)
        let body = self.buffer.readBytes(length: length) ?? []
        return Request(line: line, headers: headers, body: body)
    }
}
