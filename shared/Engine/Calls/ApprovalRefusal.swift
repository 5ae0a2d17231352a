import JSON
import Model
import Policies

/// That a call needs a person's approval, which nobody can give yet: names the policy to set and where to set it.
struct ApprovalRefusal {
    let address: ToolAddress
    let effect: ToolEffect
    let decision: PolicyDecision

    var error: ToolError {
        ToolError(code: "approval_required", message: self.message, details: self.details, retryable: false)
    }

    private var message: String {
        let reason: String
        var remedy: [String] = []
        switch self.decision.reason {
        case .effect:
            reason = "it may change something"
        case .policy(let policy):
            reason = "policy \(policy.id) with pattern `\(policy.pattern)` says so"
            remedy.append("remove that policy (DELETE /api/v1/policies/\(policy.id))")
        }
        // Of several policies the most restrictive wins, so an allowing one helps only where no policy of this kind is left.
        if self.needsAllowing {
            remedy.append("set one with pattern `\(self.pattern)` and action `allow` (POST /api/v1/policies)")
        }
        return """
            Calling `\(self.address)` requires approval, because \(reason), and this version of Roost has no way to ask for it. The call \
            was not made. To let it through, an admin can \(remedy.joined(separator: " and ")).
            """
    }

    private var details: JSONText {
        var details: JSONObject = ["address": .string(self.address.description)]
        switch self.decision.reason {
        case .effect(let effect):
            details["decidedBy"] = ["effect": .string(effect.rawValue)]
        case .policy(let policy):
            details["decidedBy"] = ["policy": .string(policy.id.rawValue), "pattern": .string(policy.pattern)]
        }
        if self.needsAllowing {
            details["policy"] = ["pattern": .string(self.pattern), "action": .string(PolicyAction.allow.rawValue)]
            details["where"] = "POST /api/v1/policies"
        }
        return JSONText(.object(details))
    }

    private var pattern: String { PolicyPattern(self.address).description }

    /// Whether the tool's default, without any policy, would ask for approval too.
    private var needsAllowing: Bool { PolicyDecision(defaultFor: self.effect).action == .requireApproval }
}
