import NIOCore
import NIOSSL

/// Makes the TLS handlers, and turns what goes wrong below the framing into errors of the channel.
enum ChannelTLS {
    /// What is needed for each new connection of a client.
    static func context(for security: ChannelClientSecurity) throws(ChannelError) -> NIOSSLContext? {
        guard case .tls(let trustRoots, _) = security.mode else { return nil }
        return try self.wrapped("The channel's trusted authorities are unusable") {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(trustRoots))
            configuration.certificateVerification = .fullVerification
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["h2"]
            return try NIOSSLContext(configuration: configuration)
        }
    }

    /// What is needed for each new connection of a server.
    static func context(for security: ChannelServerSecurity) throws(ChannelError) -> NIOSSLContext? {
        guard case .tls(let certificateChain, let privateKey) = security.mode else { return nil }
        return try self.wrapped("The channel's certificate or private key is unusable") {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMBytes(certificateChain).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: privateKey, format: .pem)))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["h2"]
            return try NIOSSLContext(configuration: configuration)
        }
    }

    /// The client's handler. A literal address is checked against the certificate's addresses and is not sent as a name (RFC 6066).
    static func clientHandler(_ context: NIOSSLContext, security: ChannelClientSecurity, host: String) throws -> NIOSSLClientHandler {
        var name: String? = host
        if case .tls(_, let serverName?) = security.mode { name = serverName }
        if let literal = name, (try? SocketAddress(ipAddress: literal, port: 0)) != nil { name = nil }
        return try NIOSSLClientHandler(context: context, serverHostname: name)
    }

    /// An error that a channel reported.
    static func error(from error: any Error) -> ChannelError {
        switch error {
        case let error as ChannelError: error
        case NIOSSLError.uncleanShutdown:
            ChannelError(.connectionLost, "The peer's connection ended without the end of its TLS session.")
        case NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])):
            ChannelError(.connectionLost, "The connection ended during the TLS handshake.")
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            ChannelError(.insecure, "TLS failed; check the channel's certificate, its authority and the host name: \(error)")
        case let error as IOError: ChannelError(.connectionLost, "The connection failed with system error \(error.errnoCode).")
        default: ChannelError(.connectionLost, "The connection failed: \(type(of: error)).")
        }
    }

    private static func wrapped<Value>(_ message: String, _ body: () throws -> Value) throws(ChannelError) -> Value {
        do {
            return try body()
        } catch {
            throw ChannelError(.insecure, "\(message): \(type(of: error)).")
        }
    }
}
