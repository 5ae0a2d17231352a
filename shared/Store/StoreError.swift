/// Why a repository refused a call. What the database itself reports passes through as `DatabaseError`.
package struct StoreError: Error, Sendable, Hashable {
    /// A stable kind of refusal. A struct around a private enum, so that adding one breaks no caller's switch.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Wrapped: String {
            case notFound, alreadyExists, inUse, invalidCursor, invalidValue, limitReached, ownerLost, corrupted, unsafeRole, retiredKey
        }

        private let wrapped: Wrapped

        /// The organization has no such row. Another organization's row is answered in the same way.
        package static let notFound = Code(wrapped: .notFound)
        /// A row with the same unique value is there already.
        package static let alreadyExists = Code(wrapped: .alreadyExists)
        /// Something else still refers to the row.
        package static let inUse = Code(wrapped: .inUse)
        /// A page's cursor is not one that this list gave out.
        package static let invalidCursor = Code(wrapped: .invalidCursor)
        /// A value is larger than its bound or not of its form.
        package static let invalidValue = Code(wrapped: .invalidValue)
        /// The organization has as many of these as it may have.
        package static let limitReached = Code(wrapped: .limitReached)
        /// The caller's lease has lapsed or the row belongs to another process: stop working on it.
        package static let ownerLost = Code(wrapped: .ownerLost)
        /// A stored value cannot be read.
        package static let corrupted = Code(wrapped: .corrupted)
        /// The database role could look past the wall between organizations, or lacks a right that it needs.
        package static let unsafeRole = Code(wrapped: .unsafeRole)
        /// A credential was sealed under a data key that a newer one has replaced meanwhile: seal it again.
        package static let retiredKey = Code(wrapped: .retiredKey)

        package var description: String { self.wrapped.rawValue }
    }

    package let code: Code
    /// What happened and what to do about it; holds names of fields and limits, never their values.
    package let message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }
}

extension StoreError: CustomStringConvertible {
    package var description: String { "\(self.code): \(self.message)" }
}
