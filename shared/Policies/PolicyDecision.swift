package import Model

/// What happens to calls of one tool, and why.
package struct PolicyDecision: Sendable, Hashable {
    /// What decided.
    package enum Reason: Sendable, Hashable {
        /// This policy: the most restrictive of all that match, the oldest among equals.
        case policy(Policy)
        /// No policy matches, so the tool's effect decided: reads are allowed, writes require approval.
        case effect(ToolEffect)
    }

    package let action: PolicyAction
    package let reason: Reason

    package init(policy: Policy) {
        self.action = policy.action
        self.reason = .policy(policy)
    }

    package init(defaultFor effect: ToolEffect) {
        switch effect {
        case .read: self.action = .allow
        case .write: self.action = .requireApproval
        }
        self.reason = .effect(effect)
    }

    /// Whether the tool can be seen at all; a blocked one is as good as absent.
    package var isVisible: Bool { self.action != .block }
}
