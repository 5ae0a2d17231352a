/// Why a secret could not be sealed or opened, or the vault's key not be used. Never holds a secret or a key.
package struct VaultError: Error, Sendable {
    /// What went wrong, stable for programs.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case keyMissing, keyUnusable, wrongKey, cannotOpen, unknownFormat, referenceRefused, secretMissing
        }

        private let value: Value

        private init(_ value: Value) { self.value = value }

        /// Secrets are stored and the key that sealed them is not there.
        package static let keyMissing = Code(.keyMissing)
        /// The place where a key should be cannot be read or written, is readable by others, or does not hold a key.
        package static let keyUnusable = Code(.keyUnusable)
        /// The key is not the one that sealed the stored secrets.
        package static let wrongKey = Code(.wrongKey)
        /// The sealed value was changed, or belongs to another row.
        package static let cannotOpen = Code(.cannotOpen)
        /// The sealed value was written by a later version.
        package static let unknownFormat = Code(.unknownFormat)
        /// The organization may not use the secret that it refers to.
        package static let referenceRefused = Code(.referenceRefused)
        /// The secret that a connection refers to is not there.
        package static let secretMissing = Code(.secretMissing)

        package var description: String { self.value.rawValue }
    }

    package let code: Code
    /// What happened and what to do about it.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension VaultError: CustomStringConvertible {
    package var description: String { self.message }
}
