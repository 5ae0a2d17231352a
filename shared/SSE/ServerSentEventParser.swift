/// Reads server-sent events from chunks that may be cut anywhere (WHATWG HTML §9.2.6).
///
/// It takes lines ended by LF, CRLF or CR, drops a leading byte order mark, comments and unknown fields, and gives an event out when its
/// empty line has come; what is left when the stream ends is no event. One event's bytes are bounded.
package struct ServerSentEventParser: Sendable {
    private let maxEventBytes: Int
    /// The line that has not ended yet.
    private var line: [UInt8] = []
    /// A line feed that comes next belongs to the carriage return before it.
    private var lastWasCarriageReturn = false
    private var isAtStart = true
    private var name: String?
    private var id: String?
    private var retry: Duration?
    private var data: [UInt8]?

    /// Makes a parser.
    ///
    /// - Parameter maxEventBytes: How many bytes an event's data, or any single line, may have; more is an error. Default 16 MiB.
    package init(maxEventBytes: Int = 16 << 20) { self.maxEventBytes = maxEventBytes }

    /// Takes the next bytes of the stream and gives out the events that they complete. After an error the parser must not be used again.
    package mutating func parse(_ chunk: some Sequence<UInt8>) throws(ServerSentEventError) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        let bytes = Array(chunk)
        var start = 0
        while start < bytes.count {
            let completesPair = self.lastWasCarriageReturn && bytes[start] == .lineFeed
            self.lastWasCarriageReturn = false
            if completesPair {
                start += 1
                continue
            }
            let end = bytes[start...].firstIndex(where: \.endsLine) ?? bytes.endIndex
            guard self.line.count + end - start <= self.maxEventBytes else { throw self.tooLarge() }
            self.line += bytes[start..<end]
            guard end < bytes.endIndex else { break }
            self.lastWasCarriageReturn = bytes[end] == .carriageReturn
            if let event = try self.endLine() { events.append(event) }
            start = end + 1
        }
        return events
    }

    private mutating func endLine() throws(ServerSentEventError) -> ServerSentEvent? {
        if self.isAtStart, self.line.starts(with: [0xEF, 0xBB, 0xBF]) { self.line.removeFirst(3) }
        self.isAtStart = false
        // A stream may live for days: one large event must not hold its memory until the end.
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
        data.append(.lineFeed)
        data += value
        self.data = data
    }

    /// An event without a data line is none (the standard drops it), but its `id` and `retry` still count, so it is given out with empty
    /// data.
    private mutating func endEvent() -> ServerSentEvent? {
        defer { (self.name, self.id, self.retry, self.data) = (nil, nil, nil, nil) }
        guard self.data != nil || self.retry != nil || self.id != nil else { return nil }
        return ServerSentEvent(name: self.name, id: self.id, retry: self.retry, data: self.data ?? [])
    }

    private func tooLarge() -> ServerSentEventError {
        ServerSentEventError(.eventTooLarge, "a server-sent event is larger than \(self.maxEventBytes) bytes")
    }

    private static func milliseconds(_ digits: ArraySlice<UInt8>) -> Duration? {
        guard !digits.isEmpty, digits.count <= 9, digits.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return .milliseconds(digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
    }
}
