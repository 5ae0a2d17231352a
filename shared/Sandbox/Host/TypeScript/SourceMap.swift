/// Where each piece of a translated text came from: the `mappings` of a source map of version 3 with one source.
struct SourceMap: Sendable, Equatable {
    /// A place in a text, both counted from zero; columns in UTF-16 units.
    struct Place: Sendable, Equatable {
        var line: Int
        var column: Int
    }

    private struct Segment: Equatable {
        let column: Int
        let original: Place
    }

    /// The segments of each line of the translated text, by rising column.
    private var lines: [[Segment]] = [[]]

    /// Reads mappings: lines separated by semicolons, segments by commas, fields in base 64 VLQ, each relative to the one before. Nil if
    /// they are malformed.
    init?(mappings: String) {
        var reader = VLQReader(mappings)
        var column = 0
        var original = Place(line: 0, column: 0)
        while let byte = reader.peek() {
            switch byte {
            case UInt8(ascii: ";"):
                reader.skip()
                self.lines.append([])
                column = 0
            case UInt8(ascii: ","):
                reader.skip()
            default:
                guard let columnStep = reader.readNumber() else { return nil }
                column += columnStep
                // A segment of one field says only that its text came from nowhere.
                guard reader.hasField else { continue }
                guard let source = reader.readNumber(), source == 0, let lineStep = reader.readNumber(),
                    let originalStep = reader.readNumber()
                else { return nil }
                original.line += lineStep
                original.column += originalStep
                if reader.hasField { guard reader.readNumber() != nil else { return nil } }
                self.lines[self.lines.count - 1].append(Segment(column: column, original: original))
            }
        }
    }

    /// Where the text at a place of the translated text came from; nil for what the translation added.
    func original(of place: Place) -> Place? {
        guard self.lines.indices.contains(place.line) else { return nil }
        return self.lines[place.line].last { $0.column <= place.column }?.original
    }
}

private struct VLQReader {
    private var bytes: Substring.UTF8View

    init(_ text: String) { self.bytes = text[...].utf8 }

    /// Whether another field of the same segment follows.
    var hasField: Bool {
        guard let byte = self.bytes.first else { return false }
        return byte != UInt8(ascii: ",") && byte != UInt8(ascii: ";")
    }

    func peek() -> UInt8? { self.bytes.first }

    mutating func skip() { self.bytes.removeFirst() }

    /// Five bits a digit, the lowest first; the sixth bit says that more follow; the lowest bit of the whole is the sign.
    mutating func readNumber() -> Int? {
        var value = 0
        var shift = 0
        while let byte = self.bytes.first, let digit = Self.digit(byte), shift <= 30 {
            self.bytes.removeFirst()
            value |= (digit & 31) << shift
            shift += 5
            if digit & 32 == 0 { return value & 1 == 1 ? -(value >> 1) : value >> 1 }
        }
        return nil
    }

    private static func digit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(byte) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(byte) - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte) + 4
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
