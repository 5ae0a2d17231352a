/// The version of what gateway and session-service say to each other.
///
/// Raised with every change, and every change only adds: fields and routes that a service of the version before leaves out of account. So
/// each side takes what is said in any version, and none is agreed on; a gateway says in which one it asks, and is answered in that or
/// an older one. See docs/design/0011.
package struct ContractVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    private let number: Int

    private init(number: Int) { self.number = number }

    /// What this program speaks.
    package static let current = ContractVersion(number: 1)

    /// A version that never was, for tests of programs of two versions side by side: it has no ``SessionEndpoint/status``, no
    /// ``SessionHeaders/execution`` and no ``SessionHeaders/owner``.
    package static let previous = ContractVersion(number: 0)

    /// Reads what ``description`` gives, of later versions too; nil for anything else.
    package init?(_ text: String) {
        guard (1...6).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text) else {
            return nil
        }
        self.init(number: number)
    }

    /// Whether a replica can be asked how it is.
    package var hasStatus: Bool { self >= .current }
    /// Whether the gateway names the executions of calls.
    package var hasExecutionNames: Bool { self >= .current }
    /// Whether a refusal says who keeps the session.
    package var hasOwners: Bool { self >= .current }

    package var description: String { String(self.number) }

    package static func < (first: ContractVersion, second: ContractVersion) -> Bool { first.number < second.number }
}
