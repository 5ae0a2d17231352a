import Glibc
import JSON
import Testing

/// A client that posts one MCP message and reads nothing of its answer until it is told to, with little room in its socket for what comes.
final class UnreadingClient: Sendable {
    private let socket: Int32

    /// Connects and posts.
    init(_ roost: RunningRoost, _ message: JSONValue, session: String) throws {
        let port = try #require(roost.url.split(separator: ":").last.flatMap { UInt16($0) })
        self.socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(self.socket >= 0)
        var room: Int32 = 32 << 10
        setsockopt(self.socket, SOL_SOCKET, SO_RCVBUF, &room, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(self.socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        try #require(status == 0, "the gateway does not take the connection")
        let body = message.bytes()
        let head =
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nAuthorization: Bearer \(roost.agentKey)\r\nContent-Type: application/json\r\n"
            + "Accept: application/json, text/event-stream\r\nMcp-Session-Id: \(session)\r\nConnection: close\r\n"
            + "Content-Length: \(body.count)\r\n\r\n"
        let request = Array(head.utf8) + body
        try #require(send(self.socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count)
    }

    deinit { close(self.socket) }

    /// Everything that comes until the gateway closes.
    func readAll() -> [UInt8] {
        var (all, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 18))
        while true {
            let count = recv(self.socket, &buffer, buffer.count, 0)
            guard count > 0 else { return all }
            all += buffer[..<count]
        }
    }
}
