import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A TCP forwarder on loopback that can be told to misbehave: stall, break off after so many bytes, reset, half-close.
package final class TCPProxy: Sendable {
    private struct State {
        var links: [Link] = []
        var cutAfter: Int?
        var isStalled = false
        var isCut = false
    }

    /// Both ends of one forwarded connection.
    private struct Link: Sendable {
        let client: any Channel
        let server: any Channel
    }

    /// The port that the proxy listens on.
    package let port: Int
    private let state = Mutex(State())

    private init(port: Int) { self.port = port }

    /// Runs a proxy to a port on loopback for as long as `body` runs.
    ///
    /// - Parameters:
    ///   - target: The port to forward to.
    ///   - cutAfter: After how many bytes to the client each connection is closed; nil for never.
    ///   - body: Uses the proxy.
    package static func run<Answer: Sendable>(
        to target: Int, cutAfter: Int? = nil, _ body: (TCPProxy) async throws -> Answer
    ) async throws -> Answer {
        let group = MultiThreadedEventLoopGroup.singleton
        let proxyBox = Mutex<TCPProxy?>(nil)
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { client in
                ClientBootstrap(group: client.eventLoop)
                    .channelOption(.autoRead, value: false)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: "127.0.0.1", port: target)
                    .flatMapThrowing { server in
                        guard let proxy = proxyBox.withLock({ $0 }) else { throw ChannelError.inappropriateOperationForState }
                        try proxy.join(client, server)
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = listener.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        let proxy = TCPProxy(port: port)
        proxyBox.withLock { $0 = proxy }
        proxy.state.withLock { $0.cutAfter = cutAfter }
        do {
            let answer = try await body(proxy)
            try await proxy.stop(listener)
            return answer
        } catch {
            try? await proxy.stop(listener)
            throw error
        }
    }

    /// How many connections were forwarded so far.
    package var connectionCount: Int { self.state.withLock { $0.links.count } }

    /// Moves no more bytes in either direction, on connections old and new, while everything stays open.
    package func stall() {
        let links = self.state.withLock { state in
            state.isStalled = true
            return state.links
        }
        for link in links {
            link.client.setOption(.autoRead, value: false).whenFailure { _ in }
            link.server.setOption(.autoRead, value: false).whenFailure { _ in }
        }
    }

    /// Vanishes from the connections that there are, as a machine does that loses its network: whatever a client sends is neither taken nor
    /// acknowledged, and nothing is sent to it. New connections are forwarded as before. Linux only.
    package func vanish() async throws {
        #if os(Linux)
        for link in self.state.withLock({ $0.links }) where link.client.isActive {
            try await link.server.setOption(.autoRead, value: false).get()
            try await link.client.setOption(.autoRead, value: false).get()
            guard let provider = link.client as? any SocketOptionProvider else { continue }
            try await provider.unsafeSetSocketOption(
                level: .socket, name: NIOBSDSocket.Option(rawValue: SO_ATTACH_FILTER), value: PacketFilter.nothing
            ).get()
        }
        #endif
    }

    /// Breaks all connections, and every new one, until ``mend()``.
    package func cut() {
        self.state.withLock { $0.isCut = true }
        self.reset()
    }

    /// Forwards new connections again.
    package func mend() { self.state.withLock { $0.isCut = false } }

    /// Closes all connections with a TCP reset towards both ends.
    package func reset() {
        for link in self.state.withLock({ $0.links }) {
            for channel in [link.client, link.server] {
                channel.eventLoop.execute {
                    let linger = linger(l_onoff: 1, l_linger: 0)
                    (channel as? any SocketOptionProvider)?.setSoLinger(linger).whenComplete { _ in channel.close(promise: nil) }
                }
            }
        }
    }

    /// Ends the direction to the client, as a server does that has said everything; the other direction stays open.
    package func halfCloseTowardsClient() {
        for link in self.state.withLock({ $0.links }) { link.client.close(mode: .output, promise: nil) }
    }

    private func join(_ client: any Channel, _ server: any Channel) throws {
        let (cutAfter, isStalled, isCut) = self.state.withLock { state in
            state.links.append(Link(client: client, server: server))
            return (state.cutAfter, state.isStalled, state.isCut)
        }
        guard !isCut else {
            server.close(promise: nil)
            throw ChannelError.connectTimeout(.zero)
        }
        try client.pipeline.syncOperations.addHandler(ForwardingHandler(to: server, maxBytes: nil))
        try server.pipeline.syncOperations.addHandler(ForwardingHandler(to: client, maxBytes: cutAfter))
        guard !isStalled else { return }
        client.setOption(.autoRead, value: true).whenFailure { _ in }
        server.setOption(.autoRead, value: true).whenFailure { _ in }
    }

    private func stop(_ listener: any Channel) async throws {
        for link in self.state.withLock({ $0.links }) {
            link.client.close(promise: nil)
            link.server.close(promise: nil)
        }
        try await listener.close()
    }
}

#if os(Linux)
/// `struct sock_fprog`: which packets the kernel lets a socket have. Sendable: its program is never changed, nor given back.
private struct PacketFilter: @unchecked Sendable {
    /// `struct sock_filter`.
    private struct Instruction {
        let code: UInt16
        let jumpIfTrue: UInt8 = 0
        let jumpIfFalse: UInt8 = 0
        let operand: UInt32
    }

    let count: UInt16
    let program: UnsafeRawPointer

    /// Lets nothing through: BPF_RET, with no byte of the packet.
    static let nothing: PacketFilter = {
        let program = UnsafeMutablePointer<Instruction>.allocate(capacity: 1)
        program.initialize(to: Instruction(code: 0x06, operand: 0))
        return PacketFilter(count: 1, program: UnsafeRawPointer(program))
    }()
}
#endif

/// Passes on what it reads, up to a number of bytes, and closes the other end when its own closes.
private final class ForwardingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel
    private var left: Int?

    init(to other: any Channel, maxBytes: Int?) {
        self.other = other
        self.left = maxBytes
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        guard let left else { return self.other.writeAndFlush(buffer, promise: nil) }
        let part = buffer.readSlice(length: min(left, buffer.readableBytes)) ?? buffer
        self.left = left - part.readableBytes
        let channel = context.channel
        let other = self.other
        let isLast = self.left == 0
        self.other.writeAndFlush(part).whenComplete { _ in
            guard isLast else { return }
            other.close(promise: nil)
            channel.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.other.close(promise: nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
