/// Why a backup could not be written or restored. Holds no row's values.
package struct BackupError: Error, Sendable {
    /// What went wrong, stable for programs.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Wrapped: String {
            case notABackup, laterFormat, damaged, otherSchema, notEmpty, inUse
        }

        private let wrapped: Wrapped

        /// The file is something else.
        package static let notABackup = Code(wrapped: .notABackup)
        /// A later version wrote it.
        package static let laterFormat = Code(wrapped: .laterFormat)
        /// It is cut off or was changed.
        package static let damaged = Code(wrapped: .damaged)
        /// The database's schema is not the one that the backup was made of.
        package static let otherSchema = Code(wrapped: .otherSchema)
        /// The database holds something already.
        package static let notEmpty = Code(wrapped: .notEmpty)
        /// Services work on the database.
        package static let inUse = Code(wrapped: .inUse)

        package var description: String { self.wrapped.rawValue }
    }

    package let code: Code
    /// What happened and what to do about it.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    static let damaged = BackupError(.damaged, "The backup is damaged: it is cut off or was changed. Use another one.")
}

extension BackupError: CustomStringConvertible {
    package var description: String { self.message }
}
