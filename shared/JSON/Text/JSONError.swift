/// Why bytes are not an acceptable JSON text, and where.
///
/// The message names the fault and never quotes the text, which may hold somebody's secret.
package struct JSONError: Error, Sendable, Hashable {
    /// The kind of fault.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case unexpectedEnd, unexpectedByte, invalidNumber, invalidString, invalidUTF8, trailingBytes
            case tooLarge, tooDeep, tooManyValues, numberTooLong
        }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// The text stops before its value is complete, or holds no value at all.
        package static let unexpectedEnd = Code(.unexpectedEnd)
        /// A byte that the grammar does not allow here.
        package static let unexpectedByte = Code(.unexpectedByte)
        /// A number not written as RFC 8259 §6 says, or with an exponent of more than 17 digits.
        package static let invalidNumber = Code(.invalidNumber)
        /// An unknown escape or an unescaped control character in a string.
        package static let invalidString = Code(.invalidString)
        /// Bytes that are not well-formed UTF-8 (RFC 3629).
        package static let invalidUTF8 = Code(.invalidUTF8)
        /// Something follows the one value that a text may hold.
        package static let trailingBytes = Code(.trailingBytes)
        /// The text is longer than ``JSONLimits/maxBytes``.
        package static let tooLarge = Code(.tooLarge)
        /// The text nests deeper than ``JSONLimits/maxDepth``.
        package static let tooDeep = Code(.tooDeep)
        /// The text holds more values than ``JSONLimits/maxValues``.
        package static let tooManyValues = Code(.tooManyValues)
        /// A number is longer than ``JSONLimits/maxNumberBytes``.
        package static let numberTooLong = Code(.numberTooLong)

        package var description: String { self.kind.rawValue }
    }

    /// The kind of fault, for programs.
    package let code: Code
    /// What is wrong, for people.
    package let message: String
    /// The position of the offending byte, counted from 0.
    package let offset: Int
    /// The line of that byte, counted from 1.
    package let line: Int
    /// The byte within that line, counted from 1.
    package let column: Int

    /// Makes the error for a fault at `offset` of `bytes` and finds its line, which reads everything before it once.
    init(_ code: Code, _ message: String, at offset: Int, of bytes: UnsafeBufferPointer<UInt8>) {
        var line = 1
        var lineStart = 0
        for index in 0..<min(offset, bytes.count) where bytes[index] == .lineFeed {
            line += 1
            lineStart = index + 1
        }
        self.code = code
        self.message = message
        self.offset = offset
        self.line = line
        self.column = offset - lineStart + 1
    }
}

extension JSONError: CustomStringConvertible {
    /// The message with its place, for example `expected a value at line 3, column 14 (byte 52)`.
    package var description: String { "\(self.message) at line \(self.line), column \(self.column) (byte \(self.offset))" }
}
