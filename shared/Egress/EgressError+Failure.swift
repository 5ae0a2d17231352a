internal import AsyncHTTPClient
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

#if canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#else
private import Darwin
#endif

extension EgressError {
    /// Says what a failure of the HTTP client means to whoever sent the request.
    init(failure: any Error, authority: String, exchange: Exchange) {
        let isSent = exchange.isSent
        switch failure {
        case let error as EgressError:
            self = error.sent(isSent)
        case is CancellationError:
            self.init(.cancelled, "The request was cancelled.", mayHaveBeenSent: isSent)
        case let error as HTTPClientError:
            self.init(clientError: error, authority: authority, isSent: isSent)
        case is Exchange.BodyTooLarge:
            self.init(.responseTooLarge, "The answer of \(authority) is larger than \(exchange.bound).", mayHaveBeenSent: true)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            if isSent {
                self.init(.protocolViolation, "The TLS connection to \(authority) broke.", mayHaveBeenSent: true, cause: failure)
            } else {
                self.init(
                    .tls,
                    "No secure connection to \(authority): its certificate is not trusted for that name, or it does not speak TLS 1.2.",
                    mayHaveBeenSent: false, cause: failure)
            }
        case is NIOConnectionError, is Lane.AddressMismatch:
            self.init(.connectFailed, "\(authority) does not accept connections.", mayHaveBeenSent: false, cause: failure)
        case ChannelError.connectTimeout(_):
            self.init(.timeout, "Connecting to \(authority) took too long.", mayHaveBeenSent: false, cause: failure)
        case let error as ChannelError where error == .ioOnClosedChannel || error == .alreadyClosed || error == .eof:
            self.init(
                .protocolViolation, "\(authority) closed the connection.", mayHaveBeenSent: isSent,
                cause: HTTPClientError.remoteConnectionClosed)
        case let error as IOError where error.errnoCode == ECONNRESET || error.errnoCode == EPIPE:
            self.init(
                .protocolViolation, "\(authority) closed the connection.", mayHaveBeenSent: isSent,
                cause: HTTPClientError.remoteConnectionClosed)
        default:
            let code: Code = isSent ? .protocolViolation : .connectFailed
            let message =
                isSent ? "The connection to \(authority) broke, or its answer is not HTTP." : "\(authority) does not accept connections."
            self.init(code, message, mayHaveBeenSent: isSent, cause: failure)
        }
    }

    private init(clientError error: HTTPClientError, authority: String, isSent: Bool) {
        switch error {
        case .cancelled, .alreadyShutdown, .requestStreamCancelled:
            self.init(.cancelled, "The request was cancelled.", mayHaveBeenSent: isSent)
        case .connectTimeout, .tlsHandshakeTimeout:
            self.init(.timeout, "Connecting to \(authority) took too long.", mayHaveBeenSent: false, cause: HTTPClientError.connectTimeout)
        case .getConnectionFromPoolTimeout:
            self.init(.overloaded, "All connections to \(authority) are busy; try again later.", mayHaveBeenSent: false, cause: error)
        case .deadlineExceeded:
            self.init(.timeout, "\(authority) did not answer in the time given.", mayHaveBeenSent: isSent)
        case .readTimeout, .writeTimeout:
            self.init(.timeout, "\(authority) was silent for too long.", mayHaveBeenSent: isSent)
        case .remoteConnectionClosed:
            self.init(.protocolViolation, "\(authority) closed the connection.", mayHaveBeenSent: isSent, cause: error)
        default:
            self.init(.protocolViolation, "The exchange with \(authority) broke HTTP.", mayHaveBeenSent: isSent, cause: error)
        }
    }

    /// Whether the connection itself took too long, so that another address may do better.
    var isConnectTimeout: Bool { self.code == .timeout && (self.cause as? HTTPClientError) == .connectTimeout }

    /// Whether the request waited for one of the host's connections, all of which were busy.
    var isWaitForConnection: Bool { (self.cause as? HTTPClientError) == .getConnectionFromPoolTimeout }

    /// Whether the peer closed the connection under the request.
    var isClosedConnection: Bool { (self.cause as? HTTPClientError) == .remoteConnectionClosed }
}
