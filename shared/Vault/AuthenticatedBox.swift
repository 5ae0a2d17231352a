internal import Crypto

/// AES-256-GCM with a random nonce, in the one layout that the vault uses: header, 12 bytes of nonce, the ciphertext, 16 bytes of tag.
///
/// What is authenticated with it, beside the header, is where the bytes belong, each part behind its length, so that no two different
/// places give the same bytes.
enum AuthenticatedBox {
    static let nonceBytes = 12
    static let tagBytes = 16
    /// How much longer than header and plaintext the result is.
    static let overhead = Self.nonceBytes + Self.tagBytes

    static func seal(_ plaintext: [UInt8], header: [UInt8], purpose: String, place: [String], key: SymmetricKey) throws -> [UInt8] {
        let box = try AES.GCM.seal(plaintext, using: key, authenticating: self.context(header, purpose, place))
        return header + Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    }

    /// Nil for bytes that this key did not seal for this place, or that were changed since.
    static func open(_ sealed: [UInt8], headerBytes: Int, purpose: String, place: [String], key: SymmetricKey) -> [UInt8]? {
        guard sealed.count >= headerBytes + Self.overhead else { return nil }
        let start = headerBytes + Self.nonceBytes
        do {
            let box = try AES.GCM.SealedBox(
                nonce: AES.GCM.Nonce(data: sealed[headerBytes..<start]), ciphertext: sealed[start..<(sealed.count - Self.tagBytes)],
                tag: sealed.suffix(Self.tagBytes))
            let context = self.context(Array(sealed[..<headerBytes]), purpose, place)
            return Array(try AES.GCM.open(box, using: key, authenticating: context))
        } catch {
            return nil
        }
    }

    static func bigEndian(_ value: UInt64) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    private static func context(_ header: [UInt8], _ purpose: String, _ place: [String]) -> [UInt8] {
        place.reduce(into: Array(purpose.utf8) + header) { bytes, part in
            bytes += self.bigEndian(UInt64(part.utf8.count)) + part.utf8
        }
    }
}
