package import Model

/// Where the values of secrets are. The vault seals what a provider wants to be kept, and asks it for the value at each use.
package protocol SecretProvider: Sendable {
    /// Which of the providers it is.
    var kind: SecretKind { get }

    /// Takes what somebody hands in, a value or a name, and gives what is to be kept for it.
    ///
    /// - Throws: ``VaultError`` when this organization cannot have that.
    func admit(_ text: Secret, in organization: OrganizationID) async throws -> Secret

    /// The value, from what was kept. Whether the organization may have it is asked again: it may have been taken from the list since.
    func value(of kept: Secret, in organization: OrganizationID) async throws -> Secret
}

/// Which provider has a secret. The number stands in what is sealed and never changes its meaning.
package enum SecretKind: UInt8, Sendable, Hashable, CaseIterable {
    /// The value itself is kept, sealed, in the database.
    case database = 0
    /// The name of a variable of the services' environment is kept.
    case environment = 1
    /// The name of a file in the installation's folder of secrets is kept.
    case file = 2

    /// What stands before the colon of a reference; nil for values, which are never referred to.
    package var scheme: String? {
        switch self {
        case .database: nil
        case .environment: "env"
        case .file: "file"
        }
    }
}

/// What is kept of a secret: which provider has it, and what that wants to know.
struct SecretContent: Sendable {
    let kind: SecretKind
    let text: Secret
}

/// The name of a secret that the installation provides, such as `env:NOTES_TOKEN` or `file:notes/token`. A name is no secret.
package struct SecretReference: Sendable, Hashable, CustomStringConvertible {
    package let kind: SecretKind
    package let name: String

    private static let maxBytes = 512

    /// Reads a reference; nil when it is none. Names of files have no component that begins with a dot, so that none leads out of its
    /// folder.
    package init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":"), text.utf8.count <= Self.maxBytes,
            let kind = SecretKind.allCases.first(where: { $0.scheme == String(text[..<colon]) })
        else { return nil }
        let name = text[text.index(after: colon)...]
        guard Self.isName(name, of: kind) else { return nil }
        self.kind = kind
        self.name = String(name)
    }

    init(kind: SecretKind, name: String) {
        self.kind = kind
        self.name = name
    }

    private static func isName(_ name: Substring, of kind: SecretKind) -> Bool {
        func isWord(_ byte: UInt8, _ others: String) -> Bool {
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || others.utf8.contains(byte)
        }
        switch kind {
        case .database: return false
        case .environment: return !name.isEmpty && name.utf8.allSatisfy { isWord($0, "_") }
        case .file:
            return name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
                !part.isEmpty && !part.hasPrefix(".") && part.utf8.allSatisfy { isWord($0, "._-") }
            }
        }
    }

    package var description: String { "\(self.kind.scheme ?? ""):\(self.name)" }
}
