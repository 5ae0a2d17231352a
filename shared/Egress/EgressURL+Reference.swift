extension EgressURL {
    /// Reads a `Location` relative to this URL (RFC 3986, section 5.2).
    package func resolving(_ reference: String, maxBytes: Int) throws(EgressError) -> EgressURL {
        guard reference.utf8.count <= maxBytes else { throw .invalidURL("is longer than \(maxBytes) bytes") }
        if Self.hasScheme(reference) { return try EgressURL(parsing: reference, maxBytes: maxBytes) }
        if reference.hasPrefix("//") { return try EgressURL(parsing: "\(self.scheme.rawValue):\(reference)", maxBytes: maxBytes) }
        let bytes = Array(reference.utf8.prefix { $0 != UInt8(ascii: "#") })
        let target: String
        switch bytes.first {
        case nil:
            return self
        case UInt8(ascii: "/"):
            target = try Self.parseTarget(bytes[...])
        case UInt8(ascii: "?"):
            target = try Self.parseTarget(Array(self.path.utf8)[...] + bytes)
        default:
            let folder = self.path.utf8.reversed().drop { $0 != UInt8(ascii: "/") }.reversed()
            target = try Self.parseTarget(Array(folder)[...] + bytes)
        }
        return EgressURL(scheme: self.scheme, host: self.host, port: self.port, target: Self.removingDotSegments(target))
    }

    private var path: Substring { self.target.prefix { $0 != "?" } }

    /// Whether the reference is absolute: a scheme is a letter, then letters, digits, `+`, `-` and `.`, up to the first colon.
    private static func hasScheme(_ reference: String) -> Bool {
        guard let colon = reference.utf8.firstIndex(of: UInt8(ascii: ":")), let first = reference.utf8.first, first.isLetter else {
            return false
        }
        return reference.utf8[..<colon].allSatisfy { $0.isLetter || $0.isDigit || "+-.".utf8.contains($0) }
    }

    /// RFC 3986, section 5.2.4, on the path; the query stays.
    private static func removingDotSegments(_ target: String) -> String {
        let path = target.prefix { $0 != "?" }
        var segments: [Substring] = []
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            switch part {
            case ".":
                if isLast { segments.append("") }
            case "..":
                segments = segments.dropLast()
                if isLast { segments.append("") }
            default:
                segments.append(part)
            }
        }
        return "/" + segments.joined(separator: "/") + target[path.endIndex...]
    }
}
