package import Model

/// Takes credentials out of what an API sends back.
///
/// Some APIs echo requests, and an agent may pick such an operation on purpose: secrets never enter the sandbox, by that way neither.
/// What is found is the credential as it was sent, byte for byte, plain or percent-encoded or as Basic had it. Values of fewer than eight
/// bytes are left alone, since they occur by chance.
package struct SecretRedactor: Sendable {
    private static let minBytes = 8
    private static let replacement = Array("<secret>".utf8)

    private let needles: [[UInt8]]

    /// Looks for the credentials of a request.
    package init(_ request: UpstreamRequest) {
        var texts: Set<String> = []
        for (name, value) in request.secretHeaders {
            let text = value.reveal()
            texts.insert(text)
            switch name.lowercased() {
            case "authorization", "proxy-authorization":
                if let space = text.firstIndex(of: " ") { texts.insert(String(text[text.index(after: space)...])) }
            case "cookie":
                for cookie in text.split(separator: ";") {
                    if let equals = cookie.firstIndex(of: "=") { texts.insert(String(cookie[cookie.index(after: equals)...])) }
                }
            default: break
            }
        }
        for (_, value) in request.secretQuery {
            texts.insert(value.reveal())
            texts.insert(PercentEncoding.encode(value.reveal()))
        }
        self.init(texts)
    }

    /// Looks for a connection's values as well, as Basic sends them encoded.
    package init(_ request: UpstreamRequest, credentials: CredentialSet) {
        let own = Self(request)
        // A user name is no secret, and often one of the words that an answer is made of.
        let secrets = credentials.values.filter { name, _ in !name.lowercased().hasSuffix("username") }.map(\.value)
        self.needles = own.needles + Self(secrets: secrets).needles.filter { !own.needles.contains($0) }
    }

    /// Looks for the given values as they are.
    package init(secrets: [Secret]) { self.init(Set(secrets.map { $0.reveal() })) }

    private init(_ texts: Set<String>) {
        // The longest first, so that the whole field goes before a part of it.
        self.needles = texts.map { Array($0.utf8) }.filter { $0.count >= Self.minBytes }.sorted { $0.count > $1.count }
    }

    /// The bytes without credentials; the same array where there are none in it.
    package func redact(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for needle in self.needles { bytes = Self.replace(needle, in: bytes) }
        return bytes
    }

    /// The text without credentials.
    package func redact(_ text: String) -> String {
        self.needles.isEmpty ? text : String(decoding: self.redact(Array(text.utf8)), as: UTF8.self)
    }

    private static func replace(_ needle: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= needle.count else { return bytes }
        var result: [UInt8] = []
        var copied = 0
        bytes.withUnsafeBufferPointer { buffer in
            var index = 0
            let last = buffer.count - needle.count
            while index <= last {
                if buffer[index] == needle[0], needle.indices.allSatisfy({ buffer[index + $0] == needle[$0] }) {
                    result += buffer[copied..<index]
                    result += Self.replacement
                    index += needle.count
                    copied = index
                } else {
                    index += 1
                }
            }
            if copied > 0 { result += buffer[copied...] }
        }
        return copied > 0 ? result : bytes
    }
}
