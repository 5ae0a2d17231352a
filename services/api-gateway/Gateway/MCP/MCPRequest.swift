import NIOCore
import NIOHTTP1

/// A request to the MCP endpoint, apart from the connection that it came by.
struct MCPRequest: Sendable {
    /// Why there is no body.
    enum BodyFault: Error {
        /// It is larger than may be.
        case tooLarge
        /// It is malformed or did not come to its end.
        case broken
    }

    let head: HTTPRequestHead
    /// Who is at the other end of the connection.
    let peer: SocketAddress?
    /// Waits for the whole body.
    let body: @Sendable () async throws(BodyFault) -> ByteBuffer

    /// The values of all lines of a header field.
    subscript(name: String) -> [String] { self.head.headers[name] }

    /// The value of the first line of a header field.
    func first(_ name: String) -> String? { self.head.headers.first(name: name) }
}
