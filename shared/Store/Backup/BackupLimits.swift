/// The bounds of writing and reading backups.
package struct BackupLimits: Sendable, Hashable {
    /// Rows that one statement reads.
    package var maxRowsPerStep = 500
    /// Bytes of the rows that one statement reads; a larger row comes alone.
    package var maxBytesPerStep = 4 << 20
    /// Bytes of one value in a file. No column admits more.
    package var maxValueBytes = 512 << 20
    /// Bytes of a file's header.
    package var maxHeaderBytes = 1 << 20

    package init() {}
}
