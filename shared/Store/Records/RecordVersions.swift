/// Which form the writer of each kind of stored record gives it, as its row says.
///
/// A version is raised with every change of what is written, and a released one stays readable: `tests/golden` has a record of each. A
/// reader takes the records of its own version, of all before, and those of later ones as well, of which it leaves out what it does not
/// know; see docs/design/0011.
package struct RecordVersions: Sendable, Hashable {
    /// Rows of `sessions`.
    package let session: Int64
    /// Rows of `session_streams`, answers included.
    package let sessionStream: Int64
    /// Rows of `executions`, outcomes and the rows of their calls included.
    package let execution: Int64
    /// Rows of `integrations`, with the configuration, bindings and schemas that were read from the same document.
    package let integration: Int64

    /// What this program writes.
    package static let current = RecordVersions(session: 1, sessionStream: 1, execution: 1, integration: 1)

    /// A version that never was, for tests of programs of two versions side by side: its sessions do not know what their clients call
    /// themselves.
    package static let previous = RecordVersions(session: 0, sessionStream: 1, execution: 1, integration: 1)

    /// Whether a session's row has the client's name and version.
    var sessionHasClientInfo: Bool { self.session >= 1 }
}
