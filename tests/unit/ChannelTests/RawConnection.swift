import NIOCore
import NIOPosix
import NIOSSL

/// A TCP connection on which a test says whatever it likes.
struct RawConnection: Sendable {
    /// One HTTP/2 frame.
    struct Frame: Sendable {
        static let data: UInt8 = 0x0
        static let headers: UInt8 = 0x1
        static let resetStream: UInt8 = 0x3
        static let settings: UInt8 = 0x4
        static let ping: UInt8 = 0x6
        static let goAway: UInt8 = 0x7
        static let windowUpdate: UInt8 = 0x8
        static let continuation: UInt8 = 0x9

        let type: UInt8
        var flags: UInt8 = 0
        var stream: UInt32 = 0
        var payload: [UInt8] = []

        var bytes: [UInt8] {
            let count = UInt32(self.payload.count)
            let length = [UInt8(truncatingIfNeeded: count >> 16), UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)]
            let stream = (0..<4).map { UInt8(truncatingIfNeeded: self.stream >> (24 - 8 * UInt32($0))) }
            return length + [self.type, self.flags] + stream + self.payload
        }
    }

    /// What a client must say first, with empty settings.
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + Frame(type: Frame.settings).bytes

    /// `GET / HTTP/2` to the authority `x`, from the static table as far as possible (RFC 7541, appendix A).
    static let request: [UInt8] = [0x82, 0x86, 0x84, 0x41, 0x01, UInt8(ascii: "x")]

    private let channel: any Channel
    private let ended: EventLoopFuture<Void>

    /// Connects to a port on loopback.
    ///
    /// - Parameter isSecure: whether to say it over TLS, whoever the server is.
    static func connect(port: Int, isSecure: Bool = false) async throws -> RawConnection {
        let tls = isSecure ? try NIOSSLContext(configuration: Self.trustingConfiguration) : nil
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil)) }
                    try channel.pipeline.syncOperations.addHandler(DiscardingHandler())
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return RawConnection(channel: channel, ended: channel.closeFuture)
    }

    private static var trustingConfiguration: TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.applicationProtocols = ["h2"]
        return configuration
    }

    /// Takes nothing more of what the peer sends, as far as the system's buffers go.
    func stopReading() async throws { try await self.channel.setOption(.autoRead, value: false).get() }

    /// Sends bytes; throws once the peer has closed.
    func send(_ bytes: [UInt8]) async throws { try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    /// Sends the same bytes again and again, until the peer closes or the bound is reached. True if the peer closed.
    func flood(_ bytes: [UInt8], upTo maxBytes: Int) async -> Bool {
        var repeated: [UInt8] = []
        while repeated.count < 64_000 { repeated += bytes }
        var sent = 0
        while sent < maxBytes {
            do { try await self.send(repeated) } catch { return true }
            sent += repeated.count
        }
        return false
    }

    /// Returns when the peer has closed the connection.
    func waitForEnd() async throws { try await self.ended.get() }

    func close() { self.channel.close(promise: nil) }
}

private final class DiscardingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
