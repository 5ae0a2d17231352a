/// One server-sent event (WHATWG HTML, section 9.2), as it is written to a stream or was read from one.
package struct ServerSentEvent: Sendable, Hashable {
    /// The event's type; nil is the default, `message`.
    package var name: String?
    /// The identifier that a reconnecting client names in `Last-Event-ID`; nil leaves the client's as it is.
    package var id: String?
    /// How long a client should wait before it reconnects.
    package var retry: Duration?
    /// What the event says: UTF-8, lines parted by line feeds.
    package var data: [UInt8]

    package init(name: String? = nil, id: String? = nil, retry: Duration? = nil, data: [UInt8]) {
        self.name = name
        self.id = id
        self.retry = retry
        self.data = data
    }

    /// A comment that keeps proxies and clients from giving a quiet stream up; readers ignore it.
    package static let keepAlive: [UInt8] = Array(": keep-alive\n\n".utf8)

    /// The event in wire format, ended by its empty line. Line breaks in name and id are dropped, since they would begin new fields.
    package func bytes() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(self.data.count + 64)
        if let name = self.name { Self.append(field: "event", Self.withoutLineBreaks(name), to: &bytes) }
        if let id = self.id { Self.append(field: "id", Self.withoutLineBreaks(id), to: &bytes) }
        if let retry = self.retry {
            let (seconds, attoseconds) = retry.components
            Self.append(field: "retry", Array(String(seconds * 1000 + attoseconds / 1_000_000_000_000_000).utf8), to: &bytes)
        }
        for line in self.data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            Self.append(field: "data", line, to: &bytes)
        }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private static func append(field: String, _ value: some Collection<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: field.utf8)
        bytes.append(contentsOf: ": ".utf8)
        bytes.append(contentsOf: value)
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func withoutLineBreaks(_ text: String) -> [UInt8] {
        text.utf8.filter { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") && $0 != 0 }
    }
}
