/// A URI or a reference relative to one (RFC 3986), in its five parts.
package struct URIReference: Sendable, Hashable {
    package var scheme: String?
    package var authority: String?
    package var path: String
    package var query: String?
    package var fragment: String?

    /// Takes a text apart as RFC 3986, appendix B, does; every text has such parts.
    package init(_ text: String) {
        var rest = text[...]
        self.fragment = rest.cut(from: UInt8(ascii: "#"))
        self.query = rest.cut(from: UInt8(ascii: "?"))
        if let colon = rest.utf8.firstIndex(of: .colon), rest[..<colon].isScheme {
            self.scheme = rest[..<colon].lowercased()
            rest = rest[rest.utf8.index(after: colon)...]
        }
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            let end = rest.utf8.firstIndex(of: .slash) ?? rest.endIndex
            self.authority = String(rest[..<end])
            rest = rest[end...]
        }
        self.path = String(rest)
    }

    /// Resolves this reference against `base` (RFC 3986 §5.2.2).
    package func resolved(against base: URIReference) -> URIReference {
        var target = self
        if self.scheme == nil {
            target.scheme = base.scheme
            if self.authority == nil {
                target.authority = base.authority
                if self.path.isEmpty {
                    target.path = base.path
                    target.query = self.query ?? base.query
                    return target
                }
                if !self.path.hasPrefix("/") { target.path = base.merging(relativePath: self.path) }
            }
        }
        target.path = Self.removingDotSegments(target.path)
        return target
    }

    /// The same without its fragment: what names a whole document.
    package var withoutFragment: URIReference {
        var copy = self
        copy.fragment = nil
        return copy
    }

    /// Puts a relative path in place of what follows the last slash (RFC 3986 §5.2.3).
    private func merging(relativePath: String) -> String {
        if self.authority != nil, self.path.isEmpty { return "/" + relativePath }
        guard let slash = self.path.utf8.lastIndex(of: .slash) else { return relativePath }
        return self.path[...slash] + relativePath
    }

    /// Carries out `.` and `..` (RFC 3986 §5.2.4).
    private static func removingDotSegments(_ path: String) -> String {
        guard path.contains(".") else { return path }
        let isAbsolute = path.hasPrefix("/")
        var output: [Substring] = []
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(isAbsolute ? 1 : 0)
        for segment in segments {
            switch segment {
            case ".": continue
            case "..": output = output.dropLast()
            default: output.append(segment)
            }
        }
        if let last = segments.last, last == "." || last == ".." { output.append("") }
        return (isAbsolute ? "/" : "") + output.joined(separator: "/")
    }
}

extension URIReference: CustomStringConvertible {
    /// The parts put together again (RFC 3986 §5.3).
    package var description: String {
        (self.scheme.map { $0 + ":" } ?? "") + (self.authority.map { "//" + $0 } ?? "") + self.path
            + (self.query.map { "?" + $0 } ?? "") + (self.fragment.map { "#" + $0 } ?? "")
    }
}

extension Substring {
    /// Takes away everything from the first `separator` on and gives what followed it.
    fileprivate mutating func cut(from separator: UInt8) -> String? {
        guard let index = self.utf8.firstIndex(of: separator) else { return nil }
        let tail = String(self[self.utf8.index(after: index)...])
        self = self[..<index]
        return tail
    }

    fileprivate var isScheme: Bool {
        guard let first = self.utf8.first, 0x41...0x5A ~= first || 0x61...0x7A ~= first else { return false }
        return self.utf8.allSatisfy { byte in
            byte.isDigit || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte || byte == .plus || byte == .minus || byte == .period
        }
    }
}
