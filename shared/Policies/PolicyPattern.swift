package import Model

/// Names the tools that a policy is about, over addresses `<integration>.<org|user>.<connection>.<tool…>`.
///
/// - An address means that one tool: `github.org.main.issues.create`.
/// - `*` alone means every tool.
/// - `.*` at the end means everything below: `github.*`, `github.org.main.issues.*`.
/// - `*` in between means exactly one segment: `github.*.*.issues.create`.
///
/// A `*` is always a whole segment and never the first of several, and dots always separate: `github.org.main.issues.*` does not
/// cover `github.org.main.issuesearch`. A leading `tools.` is accepted and dropped, because addresses are shown both ways.
package struct PolicyPattern: Sendable, Hashable, CustomStringConvertible {
    /// One segment of a pattern.
    package enum Segment: Sendable, Hashable {
        case literal(String)
        /// Any one segment.
        case any
    }

    /// The longest pattern in UTF-8 bytes.
    package static let maxBytes = 512
    /// The most segments a pattern may have.
    package static let maxSegments = 32

    /// The segments from the left, without the trailing `*` of a subtree.
    package let segments: [Segment]
    /// Whether the pattern ends in `.*` or is `*`: it then covers addresses that have one or more segments after ``segments``.
    package let coversSubtree: Bool

    /// Reads a pattern.
    ///
    /// - Throws: ``PolicyError`` when the text is not a pattern, or is one that no tool address could match, for example because it
    ///   leaves out owner and connection (`github.issues.create`). The message says what to write.
    package init(_ text: String) throws(PolicyError) {
        guard text.utf8.count <= Self.maxBytes else {
            throw Self.malformed("A policy pattern may have at most \(Self.maxBytes) bytes.")
        }
        let path = text.hasPrefix("tools.") ? text.dropFirst("tools.".count) : text[...]
        var parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        try Self.checkParts(parts)
        if parts.last == "*" {
            parts.removeLast()
            self.coversSubtree = true
        } else {
            self.coversSubtree = false
        }
        self.segments = parts.map { $0 == "*" ? .any : .literal($0) }
        try self.checkMatchable()
    }

    /// The pattern that covers exactly one tool.
    package init(_ address: ToolAddress) {
        self.segments = address.description.split(separator: ".").map { .literal(String($0)) }
        self.coversSubtree = false
    }

    /// Whether the pattern covers the address.
    package func matches(_ address: ToolAddress) -> Bool {
        let parts = address.description.split(separator: ".")
        guard self.coversSubtree ? parts.count > self.segments.count : parts.count == self.segments.count else { return false }
        return zip(self.segments, parts).allSatisfy { segment, part in
            switch segment {
            case .any: true
            case .literal(let text): text == part
            }
        }
    }

    /// The pattern in its one canonical spelling, without `tools.`.
    package var description: String {
        var parts = self.segments.map { segment in
            switch segment {
            case .literal(let text): text
            case .any: "*"
            }
        }
        if self.coversSubtree { parts.append("*") }
        return parts.joined(separator: ".")
    }

    // MARK: Checks

    private static func checkParts(_ parts: [String]) throws(PolicyError) {
        guard parts != [""] else {
            throw self.malformed("The policy pattern is empty. Write a tool address, `<integration>.*`, or `*` for every tool.")
        }
        guard parts.count <= self.maxSegments else {
            throw self.malformed("A policy pattern may have at most \(self.maxSegments) segments.")
        }
        for part in parts {
            guard !part.isEmpty else {
                throw self.malformed("The policy pattern has an empty segment. Write segments between single dots, as in `github.*`.")
            }
            guard part == "*" || !part.contains("*") else {
                throw self.malformed(
                    "In a policy pattern, `*` stands for a whole segment, never for a part of one. Write `github.*`, not `git*`.")
            }
            guard !part.unicodeScalars.contains(where: { $0.properties.isWhitespace || $0.value < 0x20 || $0.value == 0x7F }) else {
                throw self.malformed("A policy pattern holds no white space or control characters.")
            }
        }
        guard parts.count == 1 || parts[0] != "*" else {
            throw self.malformed(
                "A policy pattern starts with an integration's slug unless it is `*` alone. Write `github.*.*.issues.create`.")
        }
    }

    private func checkMatchable() throws(PolicyError) {
        if case .literal(let owner)? = self.segments.dropFirst().first, ToolAddress.Owner(rawValue: owner) == nil {
            throw Self.unmatchable(
                "No tool matches `\(self)`: the second segment of an address is the owner, `org` or `user`. \(self.suggestion)")
        }
        guard self.coversSubtree || self.segments.count >= 4 else {
            throw Self.unmatchable(
                """
                No tool matches `\(self)`: an address has at least four segments, `<integration>.<org|user>.<connection>.<tool>`. \
                \(self.suggestion)
                """)
        }
    }

    /// What the author probably meant: the owner and connection left out, or the subtree's `*`.
    private var suggestion: String {
        let parts = self.description.split(separator: ".").map(String.init)
        let isOwnerGiven = parts.count > 1 && (parts[1] == "*" || ToolAddress.Owner(rawValue: parts[1]) != nil)
        guard parts.count > 1, !isOwnerGiven else { return "Write `\(self.description).*`." }
        return "Write `\(([parts[0], "*", "*"] + parts.dropFirst()).joined(separator: "."))`."
    }

    private static func malformed(_ message: String) -> PolicyError { PolicyError(code: .malformedPattern, message: message) }
    private static func unmatchable(_ message: String) -> PolicyError { PolicyError(code: .unmatchablePattern, message: message) }
}
