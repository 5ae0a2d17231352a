/// UTF-8 bytes known to be one valid JSON text, never built into a tree.
///
/// What an upstream sends and an agent receives passes through as it came: keys in order, numbers digit by digit, half surrogate pairs
/// and repeated members untouched. It costs its own size and one pass of checking. Two texts are equal when their bytes are.
package struct JSONText: Sendable, Hashable {
    /// The text, without a byte order mark and without white space around it.
    package let bytes: [UInt8]

    /// Checks that `bytes` are one JSON text (RFC 8259) within `limits`; `maxValues` does not apply, as no tree is built.
    package init(validating bytes: [UInt8], limits: JSONLimits = .default) throws(JSONError) {
        let range = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in
            try JSONTextValidator.validate(buffer, limits: limits)
        }
        self.bytes = range == bytes.indices ? bytes : Array(bytes[range])
    }

    /// Checks that `text` is one JSON text.
    package init(validating text: String, limits: JSONLimits = .default) throws(JSONError) {
        try self.init(validating: Array(text.utf8), limits: limits)
    }

    /// Writes a value.
    package init(_ value: JSONValue) { self.bytes = value.bytes() }

    /// Takes bytes that this module wrote or has already checked.
    init(trusted bytes: [UInt8]) { self.bytes = bytes }

    /// Builds the tree; the only possible faults are those of `limits`.
    package func value(limits: JSONLimits = .default) throws(JSONError) -> JSONValue { try JSONValue(parsing: self.bytes, limits: limits) }

    /// The text as a string.
    package var string: String { String(decoding: self.bytes, as: UTF8.self) }
}

extension JSONText: CustomStringConvertible {
    /// The text as a string.
    package var description: String { self.string }
}
