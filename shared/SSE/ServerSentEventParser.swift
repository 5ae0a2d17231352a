/// Why a stream of server-sent events could not be read on.
package struct ServerSentEventError: Error, Sendable, Hashable {
    /// The kinds of faults.
    package struct Code: Sendable, Hashable {
        private enum Value: Hashable { case eventTooLarge }
        private let value: Value

        /// An event grew beyond the parser's bound before it ended.
        package static let eventTooLarge = Code(value: .eventTooLarge)
    }

    package let code: Code
    /// What happened.
    package let message: String
}

/// Reads server-sent events from chunks that may be cut anywhere (WHATWG HTML, section 9.2.6).
///
/// It takes lines ended by LF, CRLF or CR, drops a leading byte order mark, comments and unknown fields, and gives an event out when its
/// empty line has come; what is left when the stream ends is no event. One event's bytes are bounded.
package struct ServerSentEventParser: Sendable {
    private let maxEventBytes: Int
    private var line: [UInt8] = []
    private var lastWasCarriageReturn = false
    private var isAtStart = true
    private var name: String?
    private var id: String?
    private var retry: Duration?
    private var data: [UInt8]?

    /// Makes a parser.
    ///
    /// - Parameter maxEventBytes: How many bytes an event's data, or any single line, may have; more is an error.
    package init(maxEventBytes: Int = 1 << 24) {
        self.maxEventBytes = maxEventBytes
    }

    /// Takes the next bytes of the stream and gives out the events that they complete. After an error the parser must not be used again.
    package mutating func parse(_ chunk: some Sequence<UInt8>) throws(ServerSentEventError) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in chunk {
            let followsCarriageReturn = self.lastWasCarriageReturn
            self.lastWasCarriageReturn = byte == UInt8(ascii: "\r")
            switch byte {
            case UInt8(ascii: "\n") where followsCarriageReturn:
                continue
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                if let event = try self.endLine() { events.append(event) }
            default:
                guard self.line.count < self.maxEventBytes else { throw self.tooLarge() }
                self.line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() throws(ServerSentEventError) -> ServerSentEvent? {
        if self.isAtStart, self.line.starts(with: [0xEF, 0xBB, 0xBF]) { self.line.removeFirst(3) }
        self.isAtStart = false
        defer { self.line.removeAll(keepingCapacity: self.line.capacity <= 4096) }
        if self.line.isEmpty { return self.endEvent() }
        let colon = self.line.firstIndex(of: UInt8(ascii: ":")) ?? self.line.endIndex
        var value = self.line[min(colon + 1, self.line.endIndex)...]
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        switch String(decoding: self.line[..<colon], as: UTF8.self) {
        case "event": self.name = String(decoding: value, as: UTF8.self)
        case "id" where !value.contains(0): self.id = String(decoding: value, as: UTF8.self)
        case "retry": self.retry = Self.milliseconds(value) ?? self.retry
        case "data": try self.append(value)
        default: break
        }
        return nil
    }

    private mutating func append(_ value: ArraySlice<UInt8>) throws(ServerSentEventError) {
        guard var data = self.data.take() else {
            self.data = Array(value)
            return
        }
        guard data.count + 1 + value.count <= self.maxEventBytes else { throw self.tooLarge() }
        data.append(UInt8(ascii: "\n"))
        data.append(contentsOf: value)
        self.data = data
    }

    /// An event without a data line is none (the standard drops it), but its `retry` still counts, so it is given out with empty data.
    private mutating func endEvent() -> ServerSentEvent? {
        defer { (self.name, self.id, self.retry, self.data) = (nil, nil, nil, nil) }
        guard self.data != nil || self.retry != nil || self.id != nil else { return nil }
        return ServerSentEvent(name: self.name, id: self.id, retry: self.retry, data: self.data ?? [])
    }

    private func tooLarge() -> ServerSentEventError {
        ServerSentEventError(code: .eventTooLarge, message: "A server-sent event is larger than \(self.maxEventBytes) bytes.")
    }

    private static func milliseconds(_ digits: ArraySlice<UInt8>) -> Duration? {
        guard !digits.isEmpty, digits.count <= 9, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return .milliseconds(digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
    }
}
