private import Crypto
package import Database

/// The name of a stored document: the SHA-256 of its bytes in lower-case hexadecimal.
package struct BlobHash: Sendable, Hashable, CustomStringConvertible {
    /// 64 hexadecimal digits.
    package let text: String

    /// Hashes a document.
    package init(of content: [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(SHA256.byteCount * 2)
        for byte in SHA256.hash(data: content) {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 0xF)])
        }
        self.text = String(decoding: text, as: UTF8.self)
    }

    package var description: String { self.text }
}

extension BlobHash: DatabaseConvertible {
    package var databaseValue: DatabaseValue { .text(self.text) }

    package init?(databaseValue: DatabaseValue) {
        guard case .text(let text) = databaseValue, text.utf8.count == SHA256.byteCount * 2 else { return nil }
        self.text = text
    }
}
