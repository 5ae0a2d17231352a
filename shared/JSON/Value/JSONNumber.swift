/// A JSON number, exact at any size.
///
/// Integers that fit are kept as `Int`, decimals of at most 15 significant digits as `Double` (which gives every one of them back
/// unchanged), and everything else as the text it was written in. So no digit is ever lost between reading and writing, though the
/// spelling may change: `1e2` is written `100.0`.
///
/// Equality, order and hash are those of the mathematical value: `1`, `1.0` and `10e-1` are one number.
package struct JSONNumber: Sendable {
    private enum Storage {
        case integer(Int)
        case double(Double)
        /// A number as RFC 8259 §6 writes it, accepted by the scanner.
        case text(String)
    }

    private let storage: Storage

    /// Makes a number from an integer.
    package init(_ value: Int) { self.storage = .integer(value) }

    /// Makes a number from a double, which stands for the shortest decimal that gives it back; nil for infinities and NaN, which JSON
    /// does not have.
    package init?(_ value: Double) {
        guard value.isFinite else { return nil }
        self.storage = .double(value)
    }

    /// Reads a number from its text, nil where `text` is not exactly one JSON number.
    package init?(_ text: String) {
        // The parser forgives white space and a byte order mark around a value, a number has neither.
        guard text.utf8.allSatisfy({ $0 > .space && $0 < 0x80 }), case .number(let number) = try? JSONValue(parsing: text) else {
            return nil
        }
        self = number
    }

    /// Makes a number from bytes that the scanner has accepted.
    init(scanned bytes: UnsafeBufferPointer<UInt8>) {
        if let value = Double(exactlyDecimal: bytes) {
            self.storage = .double(value)
            return
        }
        let text = String(decoding: bytes, as: UTF8.self)
        // Integers of 19 digits reach this place; `Int` refuses what does not fit, and anything with a point or an exponent.
        self.storage = Int(text).map(Storage.integer) ?? .text(text)
    }

    /// The value as an `Int`, where it is an integer and fits; `2.0` gives 2.
    package var int: Int? {
        switch self.storage {
        case .integer(let value): value
        case .double(let value): Int(exactly: value)
        case .text: self.decimal.int
        }
    }

    /// The nearest `Double`; infinite beyond 1.8e308.
    package var double: Double {
        switch self.storage {
        case .integer(let value): Double(value)
        case .double(let value): value
        case .text(let text): Double(text) ?? .nan
        }
    }

    /// Whether the value is a whole number, of any size and however written.
    package var isInteger: Bool {
        switch self.storage {
        case .integer: true
        case .double(let value): value == value.rounded(.towardZero)
        case .text: self.decimal.isInteger
        }
    }

    /// The exact value in the form that can be computed with.
    var decimal: JSONDecimal { JSONDecimal(validated: self.description.utf8) }
}

extension JSONNumber: CustomStringConvertible {
    /// The number as JSON writes it.
    package var description: String {
        switch self.storage {
        case .integer(let value): String(value)
        case .double(let value): value.description
        case .text(let text): text
        }
    }
}

extension JSONNumber: Hashable, Comparable {
    /// Whether two doubles, or a double and an integer, can be compared as such: up to 2^53 doubles are exact.
    private static func isExact(_ double: Double) -> Bool { double.magnitude <= 9_007_199_254_740_992 }

    package static func == (left: JSONNumber, right: JSONNumber) -> Bool {
        switch (left.storage, right.storage) {
        case (.integer(let left), .integer(let right)): left == right
        case (.double(let left), .double(let right)): left == right
        case (.integer(let integer), .double(let double)) where self.isExact(double): Int(exactly: double) == integer
        case (.double(let double), .integer(let integer)) where self.isExact(double): Int(exactly: double) == integer
        default: left.decimal == right.decimal
        }
    }

    package static func < (left: JSONNumber, right: JSONNumber) -> Bool {
        switch (left.storage, right.storage) {
        case (.integer(let left), .integer(let right)): left < right
        case (.double(let left), .double(let right)): left < right
        default: left.decimal < right.decimal
        }
    }

    /// Equal numbers have the same nearest double.
    package func hash(into hasher: inout Hasher) { hasher.combine(self.double) }
}

extension JSONNumber: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    package init(integerLiteral value: Int) { self.init(value) }

    /// A literal that no double can hold becomes the largest one, since a literal cannot fail.
    package init(floatLiteral value: Double) {
        self.storage = .double(value.isFinite ? value : .greatestFiniteMagnitude)
    }
}

extension Double {
    /// The value of a number with a point or an exponent, where at most 15 digits and a moderate exponent make sure that writing the
    /// double gives the same decimal again; nil otherwise.
    ///
    /// Both the digits and the power of ten are exact doubles here, so one multiplication or division rounds correctly (Clinger 1990).
    fileprivate init?(exactlyDecimal bytes: UnsafeBufferPointer<UInt8>) {
        var mantissa = 0
        var digitCount = 0
        var exponent = 0
        var index = bytes.first == .minus ? 1 : 0
        var isFraction = false
        while index < bytes.count, bytes[index] | 0x20 != .lowerE {
            let byte = bytes[index]
            index += 1
            if byte == .period {
                isFraction = true
                continue
            }
            if mantissa != 0 || byte != .zero { digitCount += 1 }
            guard digitCount <= 15 else { return nil }
            mantissa = mantissa * 10 + Int(byte &- .zero)
            if isFraction { exponent -= 1 }
        }
        guard isFraction || index < bytes.count else { return nil }
        if index < bytes.count {
            guard let written = Int(String(decoding: bytes[(index + 1)...], as: UTF8.self)), written.magnitude < 1_000 else { return nil }
            exponent += written
        }
        guard exponent.magnitude < Self.exactPowersOfTen.count else { return nil }
        let power = Self.exactPowersOfTen[Int(exponent.magnitude)]
        let magnitude = exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
        self = bytes.first == .minus ? -magnitude : magnitude
    }

    private static let exactPowersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]
}
