package import JSON
package import MCP
package import Model

/// For whom a session's stack is made.
package struct SessionScope: Sendable, Hashable {
    /// Who acts in this request: always the owner of the session, but not always with the same key.
    package let principal: Principal
    package let session: SessionRecordID
    /// The MCP URL's path.
    package let resource: String

    package init(principal: Principal, session: SessionRecordID, resource: String) {
        self.principal = principal
        self.session = session
        self.resource = resource
    }
}

/// Makes the stack of a session. In the process it stands on `ExecutionStack.make`, the one constructor; tests script it.
package protocol SessionStackMaking: Sendable {
    /// Makes a stack; must be cheap, because a session makes it again after every rest.
    ///
    /// - Throws: `MCPError` for what the client is to be told; anything else is logged and becomes an internal error.
    func makeStack(for scope: SessionScope) async throws -> any SessionStack

    /// Reads an organization's rules anew for what is asked next, because they were heard to have changed.
    func forgetRules(of organization: OrganizationID) async

    /// Refuses a principal that may not act any more, as every message is: the gateway that let it in may not have heard of it.
    ///
    /// - Throws: `MCPError` for what the client is to be told.
    func checkStanding(of principal: Principal) async throws

    /// The result of a call that ended although its client did not get the answer; ends its execution when the process that ran it is dead.
    ///
    /// - Throws: `MCPError` for what the client is to be told when there is none, with what is known of the call.
    func lostResult(of execution: ExecutionID, in organization: OrganizationID) async throws -> MCPToolResult
}

/// What a session offers to its client.
package protocol SessionStack: Sendable {
    /// The tools, with descriptions of this moment.
    func tools() async throws -> [MCPTool]

    /// Reads beforehand what the first calls need; for the background, and nothing depends on it.
    func prepare() async

    /// Runs a tool. Cancelling the task stops it; it must then return or throw soon.
    ///
    /// - Parameters:
    ///   - execution: What the execution is called. One that is there already is not run again.
    ///   - timeLimit: When to have ended, with an answer that says that the time was up.
    /// - Throws: `MCPError` for what the client is to be told as a protocol error; anything else is logged and becomes an internal error.
    func call(
        _ call: MCPToolCall, as execution: ExecutionID, within timeLimit: Duration, progress: any SessionProgress
    ) async throws -> SessionToolOutcome
}

extension SessionStackMaking {
    /// There is nothing to forget.
    package func forgetRules(of organization: OrganizationID) async {}
}

extension SessionStack {
    /// There is nothing to prepare.
    package func prepare() async {}
}

/// What became of a tool call.
package enum SessionToolOutcome: Sendable {
    case result(MCPToolResult)
    /// It was stopped because its task was cancelled; with what is told of it in an error's data, such as what its calls came to.
    case stopped(JSONObject)
    /// There is no such tool.
    case unknownTool
    /// The arguments do not fit; the message says how and goes to the model.
    case invalidArguments(String)
}

/// Where a running call says how far it is.
package protocol SessionProgress: Sendable {
    /// Reports a count that must grow. What the client has not read when the next one comes is replaced.
    func report(_ value: Int, message: String?)
}
