/// An identifier that people and programs see: a prefix that names the kind of thing, and a lower-case UUIDv7 (RFC 9562, section 5.7).
///
/// The prefix makes an identifier of the wrong kind a parse error instead of a silent miss, and version 7 makes identifiers sort by
/// the time they were made, which keeps index inserts local in both databases.
package protocol PublicID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The kind's prefix with its underscore, for example `org_`.
    static var prefix: String { get }
    /// The whole identifier, prefix included.
    var rawValue: String { get }
    /// Takes text that is known to be well formed. Use ``init(_:)`` for anything that came from outside.
    init(trusted rawValue: String)
}

extension PublicID {
    /// Makes a new identifier.
    package init() {
        self.init(trusted: Self.prefix + UUIDv7.make())
    }

    /// Reads an identifier from text; nil unless prefix, length, case and UUID version and variant are right.
    package init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), UUIDv7.isCanonical(text.utf8.dropFirst(Self.prefix.utf8.count)) else { return nil }
        self.init(trusted: text)
    }

    package var description: String { self.rawValue }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
