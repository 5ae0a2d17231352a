/// What happens to a call, from the least to the most restrictive.
package enum PolicyAction: String, Sendable, Hashable, CaseIterable, Comparable {
    /// The call goes ahead.
    case allow
    /// A person must agree first.
    case requireApproval = "require_approval"
    /// The call is refused and the tool is invisible.
    case block

    package static func < (left: PolicyAction, right: PolicyAction) -> Bool { left.restrictiveness < right.restrictiveness }

    private var restrictiveness: Int {
        switch self {
        case .allow: 0
        case .requireApproval: 1
        case .block: 2
        }
    }
}

/// One rule of an organization: what happens to calls of the tools that a pattern names.
package struct Policy: Sendable, Hashable {
    package let id: PolicyID
    /// Over tool addresses; the grammar is documented with the module that matches it, `Policies`.
    package let pattern: String
    package let action: PolicyAction
    package let createdAt: Timestamp

    package init(id: PolicyID, pattern: String, action: PolicyAction, createdAt: Timestamp) {
        self.id = id
        self.pattern = pattern
        self.action = action
        self.createdAt = createdAt
    }
}
