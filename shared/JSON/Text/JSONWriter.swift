/// Writes a JSON text into bytes, without white space, and puts the commas itself.
///
/// The caller nests correctly: a `key` before each value inside an object and as many ends as beginnings. ``finish()`` stops the
/// program where that did not happen, since a writer's order of calls is code and never data.
package struct JSONWriter: Sendable {
    /// What has been written so far.
    package private(set) var bytes: [UInt8] = []
    /// Whether the next key or value follows another one.
    private var needsComma = false
    private var depth = 0

    /// Starts an empty text with room for `capacity` bytes.
    package init(reservingCapacity capacity: Int = 0) { self.bytes.reserveCapacity(capacity) }

    /// Starts an object.
    package mutating func beginObject() { self.begin(.openBrace) }

    /// Ends the object started last.
    package mutating func endObject() { self.end(.closeBrace) }

    /// Starts an array.
    package mutating func beginArray() { self.begin(.openBracket) }

    /// Ends the array started last.
    package mutating func endArray() { self.end(.closeBracket) }

    /// Writes the name of the member whose value comes next.
    package mutating func key(_ key: String) {
        self.separate()
        self.quote(key)
        self.bytes.append(.colon)
        self.needsComma = false
    }

    /// Writes a whole value.
    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: self.null()
        case .bool(let value): self.bool(value)
        case .number(let value): self.number(value)
        case .string(let value): self.string(value)
        case .array(let elements):
            self.beginArray()
            for element in elements { self.value(element) }
            self.endArray()
        case .object(let members):
            self.beginObject()
            for (key, value) in members { self.member(key, value) }
            self.endObject()
        }
    }

    /// Writes a member: its name, then its value.
    package mutating func member(_ key: String, _ value: JSONValue) {
        self.key(key)
        self.value(value)
    }

    /// Writes a string; only what must be escaped is escaped.
    package mutating func string(_ value: String) {
        self.separate()
        self.quote(value)
    }

    /// Writes an integer.
    package mutating func int(_ value: Int) { self.scalar(String(value)) }

    /// Writes a double, and null for infinities and NaN.
    package mutating func double(_ value: Double) { self.scalar(value.isFinite ? value.description : "null") }

    /// Writes a number, exactly.
    package mutating func number(_ value: JSONNumber) { self.scalar(value.description) }

    /// Writes a truth value.
    package mutating func bool(_ value: Bool) { self.scalar(value ? "true" : "false") }

    /// Writes null.
    package mutating func null() { self.scalar("null") }

    /// Writes a value that is a text already, byte for byte.
    package mutating func raw(_ text: JSONText) {
        self.separate()
        self.bytes.append(contentsOf: text.bytes)
    }

    /// Gives the finished text.
    package consuming func finish() -> JSONText {
        precondition(self.depth == 0 && self.needsComma, "a JSON writer was finished before its one value was complete")
        return JSONText(trusted: self.bytes)
    }

    private mutating func begin(_ bracket: UInt8) {
        self.separate()
        self.bytes.append(bracket)
        self.needsComma = false
        self.depth += 1
    }

    private mutating func end(_ bracket: UInt8) {
        precondition(self.depth > 0, "a JSON writer was asked to end what had not begun")
        self.bytes.append(bracket)
        self.needsComma = true
        self.depth -= 1
    }

    private mutating func scalar(_ text: String) {
        self.separate()
        self.bytes.append(contentsOf: text.utf8)
    }

    @inline(__always)
    private mutating func separate() {
        if self.needsComma { self.bytes.append(.comma) }
        self.needsComma = true
    }

    /// Writes a string in quotes, copying the stretches between bytes that need an escape.
    private mutating func quote(_ text: String) {
        var text = text
        self.bytes.append(.quote)
        text.withUTF8 { source in
            var start = 0
            var index = 0
            while true {
                index = source.firstIndexOfSpecialByte(from: index)
                // Beyond ASCII nothing needs an escape: a Swift string is well-formed.
                while index < source.count, source[index] >= 0x80 { index += 1 }
                guard index < source.count else { break }
                let byte = source[index]
                index += 1
                guard byte < 0x20 || byte == .quote || byte == .backslash else { continue }
                self.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: source[start..<index - 1]))
                self.escape(byte)
                start = index
            }
            self.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: source[start...]))
        }
        self.bytes.append(.quote)
    }

    private mutating func escape(_ byte: UInt8) {
        self.bytes.append(.backslash)
        switch byte {
        case .quote, .backslash: self.bytes.append(byte)
        case .lineFeed: self.bytes.append(.lowerN)
        case .carriageReturn: self.bytes.append(.lowerR)
        case .tab: self.bytes.append(.lowerT)
        case 0x08: self.bytes.append(.lowerB)
        case 0x0C: self.bytes.append(.lowerF)
        default: self.bytes.append(contentsOf: [.lowerU, .zero, .zero, hexDigit(byte >> 4), hexDigit(byte)])
        }
    }
}
