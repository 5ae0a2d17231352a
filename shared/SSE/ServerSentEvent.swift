/// One server-sent event (WHATWG HTML §9.2), as it is written to a stream or was read from one.
package struct ServerSentEvent: Sendable, Hashable {
    /// The event's type; nil is the default, `message`.
    package var name: String?
    /// The identifier that a reconnecting client names in `Last-Event-ID`; nil leaves the client's as it is.
    package var id: String?
    /// How long a client should wait before it reconnects, in whole milliseconds.
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
    package static let keepAlive: [UInt8] = Self.comment("keep-alive")

    /// A comment in wire format, one line for each line of `text`.
    package static func comment(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        Self.append(field: "", lines: Array(text.utf8), to: &bytes)
        bytes.append(.lineFeed)
        return bytes
    }

    /// How long to wait before coming back, without an event: readers take note of it and give nothing out.
    package static func comingBack(after delay: Duration) -> [UInt8] {
        var bytes: [UInt8] = []
        Self.append(retry: delay, to: &bytes)
        bytes.append(.lineFeed)
        return bytes
    }

    /// The event in wire format, ended by its empty line.
    ///
    /// Line breaks in name and id are dropped, since they would begin new fields; each line of the data becomes a field of its own,
    /// so that data cannot end the event either. A reader gets all line breaks back as line feeds.
    package func bytes() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(self.data.count + 64)
        if let name = self.name { Self.append(field: "event", Self.withoutLineBreaks(name)[...], to: &bytes) }
        if let id = self.id { Self.append(field: "id", Self.withoutLineBreaks(id)[...], to: &bytes) }
        if let retry = self.retry { Self.append(retry: retry, to: &bytes) }
        Self.append(field: "data", lines: self.data, to: &bytes)
        bytes.append(.lineFeed)
        return bytes
    }

    private static func append(retry: Duration, to bytes: inout [UInt8]) {
        let milliseconds = max(0, Int64(retry / .milliseconds(1)))
        Self.append(field: "retry", Array(String(milliseconds).utf8)[...], to: &bytes)
    }

    private static func append(field: String, lines: [UInt8], to bytes: inout [UInt8]) {
        var rest = lines[...]
        while let end = rest.firstIndex(where: \.endsLine) {
            self.append(field: field, rest[..<end], to: &bytes)
            let isPair = rest[end] == .carriageReturn && end + 1 < rest.endIndex && rest[end + 1] == .lineFeed
            rest = rest[(end + (isPair ? 2 : 1))...]
        }
        self.append(field: field, rest, to: &bytes)
    }

    private static func append(field: String, _ value: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: field.utf8)
        bytes.append(contentsOf: ": ".utf8)
        bytes.append(contentsOf: value)
        bytes.append(.lineFeed)
    }

    /// A null byte goes too, as a reader ignores an id that holds one.
    private static func withoutLineBreaks(_ text: String) -> [UInt8] { text.utf8.filter { !$0.endsLine && $0 != 0 } }
}

extension UInt8 {
    static var lineFeed: UInt8 { 0x0A }
    static var carriageReturn: UInt8 { 0x0D }

    /// Whether this byte ends a line of an event stream.
    var endsLine: Bool { self == .lineFeed || self == .carriageReturn }
}
