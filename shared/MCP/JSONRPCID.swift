package import JSON

/// The id of a JSON-RPC request: a string or an integer, echoed exactly as the client wrote it.
///
/// The text of the token is kept, because a decoded value would lose what the writer did (`-0`, escapes, half surrogate pairs). Two ids are
/// the same request's when their tokens are equal; a client that spells one id in two ways in one session is not served beyond that.
package struct JSONRPCID: Sendable, Hashable, CustomStringConvertible {
    /// The most bytes that an id may have; enough for any UUID, and it bounds what an answer repeats.
    package static let maxBytes = 512

    /// The JSON text of the id.
    package let token: JSONText

    /// Takes the token of a message that is known to be valid JSON; nil unless it is a string or a number without fraction and exponent,
    /// of at most ``maxBytes``.
    init?(token: ArraySlice<UInt8>) {
        guard let first = token.first, token.count <= Self.maxBytes else { return nil }
        guard first == UInt8(ascii: "\"") || token.allSatisfy({ $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }) else { return nil }
        guard let text = try? JSONText(validating: Array(token)) else { return nil }
        self.token = text
    }

    /// Reads an id from what ``description`` gave.
    package init?(json: String) { self.init(token: Array(json.utf8)[...]) }

    /// Makes the id of an integer.
    package init(_ value: Int) { self.token = JSONText(.int(value)) }

    /// Makes the id of a string; nil when it is too long.
    package init?(_ value: String) { self.init(token: JSONText(.string(value)).bytes[...]) }

    /// The JSON text of the id.
    package var description: String { self.token.string }
}
