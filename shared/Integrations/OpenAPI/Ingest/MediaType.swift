/// A media type or range (RFC 9110, sections 8.3.1 and 12.5.1) without its parameters, in lower case.
struct MediaType: Sendable, Hashable {
    /// `application/json`, without parameters.
    let essence: String
    /// The `charset` parameter, in lower case.
    let charset: String?

    /// The longest that is read: no registered type comes near it.
    static let maxBytes = 256

    init(_ text: String) {
        let parts = text.lowercased().split(separator: ";", omittingEmptySubsequences: false)
        self.essence = parts.first.map { String($0).trimmed } ?? ""
        self.charset =
            parts.dropFirst().lazy.compactMap { part in
                let pair = part.split(separator: "=", maxSplits: 1)
                guard pair.count == 2, String(pair[0]).trimmed == "charset" else { return nil }
                return String(String(pair[1]).trimmed.filter { $0 != "\"" })
            }.first
    }

    var isPlainJSON: Bool { self.essence == "application/json" || self.essence == "text/json" }
    var isJSON: Bool { self.isPlainJSON || self.essence.hasSuffix("+json") }
    var isForm: Bool { self.essence == "application/x-www-form-urlencoded" }
    var isAny: Bool { self.essence == "*/*" || self.essence == "application/*" }
    var isEventStream: Bool { self.essence == "text/event-stream" }

    /// Whether the content is meant to be read as characters.
    var isText: Bool {
        self.essence.hasPrefix("text/") || self.essence.hasSuffix("+xml") || self.essence.hasSuffix("+yaml") || self.isForm
            || Self.textual.contains(self.essence)
    }

    private static let textual: Set<String> = [
        "application/xml", "application/javascript", "application/ecmascript", "application/yaml", "application/x-yaml",
        "application/graphql",
        "application/sql", "application/toml", "application/x-ndjson", "application/jsonl", "application/json-seq", "application/sdp",
        "application/pem-certificate-chain", "application/x-pem-file", "image/svg+xml",
    ]
}
