import JSON

/// A client that posts one MCP message and reads nothing of its answer until it is told to, with little room in its socket for what comes.
struct UnreadingClient: Sendable {
    private let connection: RawConnection

    /// Connects and posts.
    init(_ roost: RunningRoost, _ message: JSONValue, session: String) throws {
        self.connection = try RawConnection(roost, receiveBuffer: 32 << 10)
        let body = message.text()
        try self.connection.write(
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \(roost.agentKey)\r\nContent-Type: application/json\r\n"
                + "Accept: application/json, text/event-stream\r\nMcp-Session-Id: \(session)\r\nConnection: close\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n" + body)
    }

    /// Everything that comes until the gateway closes.
    func readAll() -> [UInt8] { self.connection.readAllBytes() }
}
