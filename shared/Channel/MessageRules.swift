/// What may be sent: checked on the way out by every transport, because the framing engine checks only what comes in.
enum MessageRules {
    /// The fields that the channel itself sends; in a message they are an error, so that nobody outside can slip one in.
    static let reservedNames: Set<String> = ["roost-proof", "roost-timeout", "roost-error", "traceparent", "tracestate"]

    /// The fields that HTTP/2 forbids (RFC 9113, section 8.2.2).
    static let connectionNames: Set<String> = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"]

    /// Throws unless the request can be sent.
    static func check(_ request: ChannelRequest, limits: ChannelLimits) throws(ChannelError) {
        guard !request.method.isEmpty, request.method.utf8.count <= 32, request.method.utf8.allSatisfy(self.isTokenByte) else {
            throw ChannelError(.invalidMessage, "The method is not a token of at most 32 bytes.")
        }
        guard request.path.utf8.first == UInt8(ascii: "/"), request.path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ChannelError(.invalidMessage, "The path must begin with a slash and be percent-encoded.")
        }
        try self.check(request.headers, otherBytes: request.method.utf8.count + request.path.utf8.count, limits: limits)
    }

    /// Throws unless the response can be sent.
    static func check(_ response: ChannelResponse, limits: ChannelLimits) throws(ChannelError) {
        guard (200...599).contains(response.status) else {
            throw ChannelError(.invalidMessage, "The status of a response must be 200 to 599, not \(response.status).")
        }
        try self.check(response.headers, otherBytes: 3, limits: limits)
    }

    /// How many bytes the channel's own fields and pseudo headers may add to those of the message; part of the header bound.
    static let ownBytes = 1_024

    private static func check(_ headers: ChannelHeaders, otherBytes: Int, limits: ChannelLimits) throws(ChannelError) {
        var byteCount = otherBytes + self.ownBytes
        for field in headers {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(self.isLowerCaseTokenByte) else {
                throw ChannelError(.invalidMessage, "A header name is not a lower-case token.")
            }
            guard !self.isForbidden(field.name) else {
                throw ChannelError(.invalidMessage, "The header \(field.name) belongs to the connection or the channel; leave it out.")
            }
            guard field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw ChannelError(.invalidMessage, "The value of the header \(field.name) contains a control character.")
            }
            guard !self.hasOuterSpace(field.value) else {
                throw ChannelError(.invalidMessage, "The value of the header \(field.name) begins or ends with white space.")
            }
            byteCount += field.name.utf8.count + field.value.utf8.count + 32
        }
        guard byteCount <= limits.maxHeaderBytes else {
            throw ChannelError(.tooLarge, "The headers are larger than the \(limits.maxHeaderBytes) bytes allowed.")
        }
    }

    /// Whether a name is one of those that a message must not have. Compared and not looked up: hashing a name costs more than that.
    private static func isForbidden(_ name: String) -> Bool { self.forbiddenNames.contains { $0 == name } }

    private static let forbiddenNames = Array(MessageRules.connectionNames) + Array(MessageRules.reservedNames)

    /// Whether the peer would break the exchange off (RFC 9113, section 8.2.1).
    private static func hasOuterSpace(_ value: String) -> Bool {
        guard let first = value.utf8.first, let last = value.utf8.last else { return false }
        return self.isSpace(first) || self.isSpace(last)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    private static func isLowerCaseTokenByte(_ byte: UInt8) -> Bool {
        self.isTokenByte(byte) && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    /// Whether a byte may stand in a token (RFC 9110, section 5.6.2). Letters and digits come first, because nearly all are.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        if (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "-") { return true }
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): return true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"): return true
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"): return true
        case UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"): return true
        default: return false
        }
    }
}

extension ChannelHeaders {
    /// The names that a message must not contain, because the channel sends them itself.
    package static var reservedNames: Set<String> { MessageRules.reservedNames }
}
