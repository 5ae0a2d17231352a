import Crypto

/// The secret that the processes of one installation share, with which a client proves that it is one of them.
///
/// The key never travels. A server sends a fresh nonce with every connection, and a client answers with an HMAC of it under the key:
/// see `docs/design` for why this and not a bearer token.
package struct ChannelKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The least number of bytes that a key must have: as many as the digest that it keys.
    package static let minBytes = 32

    private let key: SymmetricKey

    /// Takes the bytes of a key; nil when there are fewer than ``minBytes``.
    package init?(bytes: [UInt8]) {
        guard bytes.count >= Self.minBytes else { return nil }
        self.key = SymmetricKey(data: bytes)
    }

    /// What a client shows on a connection that was opened with the given nonce: 64 hexadecimal digits.
    func proof(for nonce: ConnectionNonce) -> [UInt8] {
        var mac = HMAC<SHA256>(key: self.key)
        mac.update(data: Self.context)
        mac.update(data: nonce.bytes)
        var digits: [UInt8] = []
        digits.reserveCapacity(64)
        for byte in mac.finalize() {
            digits.append(Self.digits[Int(byte >> 4)])
            digits.append(Self.digits[Int(byte & 0xF)])
        }
        return digits
    }

    private static let context = Array("roost channel client proof 1\n".utf8)
    private static let digits = Array("0123456789abcdef".utf8)

    package var description: String { "<channel key>" }
    package var debugDescription: String { "<channel key>" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The random value that makes the proof of one connection worthless on every other.
struct ConnectionNonce: Sendable, Hashable {
    let bytes: [UInt8]

    static let byteCount = 16

    /// Makes a new nonce.
    init() {
        var generator = SystemRandomNumberGenerator()
        self.bytes = (0..<Self.byteCount).map { _ in UInt8.random(in: 0...UInt8.max, using: &generator) }
    }

    /// Takes the words that came from the peer.
    init(words: [UInt32]) {
        self.bytes = words.flatMap { word in
            [
                UInt8(truncatingIfNeeded: word >> 24), UInt8(truncatingIfNeeded: word >> 16), UInt8(truncatingIfNeeded: word >> 8),
                UInt8(truncatingIfNeeded: word),
            ]
        }
    }

    /// The nonce as the four words in which it travels.
    var words: [UInt32] {
        stride(from: 0, to: self.bytes.count, by: 4).map { start in
            self.bytes[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}

/// Compares in a time that depends on the lengths only.
func isEqualInConstantTime(_ left: [UInt8], _ right: UnsafeBufferPointer<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for index in left.indices { difference |= left[index] ^ right[index] }
    return difference == 0
}
