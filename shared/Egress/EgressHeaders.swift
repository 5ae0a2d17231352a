/// The rules for header fields of requests to the outside.
package enum EgressHeaders {
    /// Whether the field belongs to the connection, the framing or the target and so cannot be chosen by a caller (RFC 9110, sections 7.2
    /// and 7.6.1). Callers that build requests from documents leave such fields out.
    package static func isReserved(_ name: String) -> Bool {
        let name = name.lowercased()
        return self.reserved.contains(name) || name.hasPrefix("proxy-") || name.hasPrefix(":")
    }

    /// Whether the text is a field name: a token of RFC 9110, section 5.6.2.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0.isLetter || $0.isDigit || "!#$%&'*+-.^_`|~".utf8.contains($0) }
    }

    /// Whether the text may stand as a field's value: no control character but the tab, so no line break, and no space around it.
    static func isValue(_ value: String) -> Bool {
        guard value.utf8.allSatisfy({ $0 == 0x09 || ($0 > 0x1F && $0 != 0x7F) }) else { return false }
        let isBlank: (UInt8?) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        return !isBlank(value.utf8.first) && !isBlank(value.utf8.last)
    }

    /// Whether the field goes along when a redirect leads to another origin. Any field may be a credential, so only those go that
    /// are known to be none.
    static func survivesOriginChange(_ name: String) -> Bool {
        self.harmless.contains(name.lowercased())
    }

    /// Whether the field describes a body, and goes when a redirect drops the body (RFC 9110, section 15.4).
    static func describesBody(_ name: String) -> Bool {
        name.lowercased().hasPrefix("content-")
    }

    private static let reserved: Set<String> = [
        "accept-encoding", "connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    private static let harmless: Set<String> = [
        "accept", "accept-language", "cache-control", "content-encoding", "content-language", "content-type", "if-modified-since",
        "if-none-match", "range", "traceparent", "user-agent",
    ]
}
