package import Model

/// For whom, and through which door, a stack is made.
package struct ExecutionScope: Sendable, Hashable {
    /// How programs come in.
    package enum Client: Sendable, Hashable {
        case rest
        case mcp(session: SessionRecordID)
    }

    /// Who acts; the organization is the principal's.
    package let principal: Principal
    package let client: Client

    package init(principal: Principal, client: Client) {
        self.principal = principal
        self.client = client
    }
}
