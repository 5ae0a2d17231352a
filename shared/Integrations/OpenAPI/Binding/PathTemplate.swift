/// A path with parts in braces: `/files/{id}/content`. `{+name}` keeps the reserved characters of its value (RFC 6570, section 3.2.3).
struct PathTemplate: Sendable, Hashable {
    /// A stretch of the path.
    enum Part: Sendable, Hashable {
        case literal(String)
        case variable(String, keepsReserved: Bool)
    }

    let parts: [Part]
    /// The query that some documents write into a path, without the question mark; nil where there is none.
    let query: String?

    init(_ text: String) {
        var parts: [Part] = []
        let withoutFragment = text.prefix { $0 != "#" }
        var rest = withoutFragment.prefix { $0 != "?" }
        let query = withoutFragment.dropFirst(rest.count).dropFirst()
        self.query = query.isEmpty ? nil : String(query)
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            if open > rest.startIndex { parts.append(.literal(String(rest[..<open]))) }
            var name = rest[rest.index(after: open)..<close]
            let keepsReserved = name.hasPrefix("+")
            if keepsReserved { name.removeFirst() }
            if name.hasSuffix("*") { name.removeLast() }
            parts.append(.variable(String(name), keepsReserved: keepsReserved))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.literal(String(rest))) }
        self.parts = parts
    }

    /// The names in braces, each once.
    var variables: [String] {
        var seen = Set<String>()
        return self.parts.compactMap { part in
            guard case .variable(let name, _) = part, seen.insert(name).inserted else { return nil }
            return name
        }
    }
}
