import Egress

/// Which header fields a document or an argument may fill.
enum RequestFields {
    /// Whether the text is a token of RFC 9110, section 5.6.2, as names of fields and cookies are.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0.isLetter || $0.isDigit || "!#$%&'*+-.^_`|~".utf8.contains($0) }
    }

    /// Whether a header parameter may have this name. Those that govern the connection or the body are Roost's, and the credentials' own
    /// field is the connection's; OpenAPI says of `Accept`, `Content-Type` and `Authorization` that such parameters are to be ignored.
    static func mayBeParameter(_ name: String) -> Bool {
        let name = name.lowercased()
        return self.isToken(name) && !EgressHeaders.isReserved(name) && !self.own.contains(name)
    }

    /// Whether an API key may go into this field.
    static func mayCarryCredentials(_ name: String) -> Bool {
        let name = name.lowercased()
        return self.isToken(name) && !EgressHeaders.isReserved(name) && name != "cookie" && name != "content-type"
    }

    /// Whether the text may stand as a field's value: no control characters, so no line break that would begin another field.
    static func isValue(_ value: String) -> Bool { value.utf8.allSatisfy { $0 == 0x09 || ($0 > 0x1F && $0 != 0x7F) } }

    private static let own: Set<String> = [
        "accept", "authorization", "content-type", "content-encoding", "cookie", "set-cookie", "proxy-authorization", "traceparent",
        "tracestate",
        "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
    ]
}
