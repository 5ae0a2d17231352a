import JSON
import MCP
import Model
import SessionAPI
import Sessions
import Store
import Synchronization
import TestSupport

/// Stacks whose tools do what a test says: `echo` answers its arguments, and every other tool is in ``tools``.
final class ScriptedStacks: SessionStackMaking {
    typealias Tool = @Sendable (MCPToolCall, any SessionProgress) async throws -> SessionToolOutcome

    private struct State {
        var tools: [String: Tool] = [:]
        var failure: (any Error)?
        var making: (@Sendable () async throws -> Void)?
        var made: [SessionScope] = []
        var timeLimits: [Duration] = []
        var description = "Answers its arguments."
        var revoked: Set<Principal> = []
        var executions: [ExecutionID] = []
        var results: [ExecutionID: Result<MCPToolResult, MCPError>] = [:]
    }

    private let state = Mutex(State())

    /// The scopes that stacks were made for, in order.
    var made: [SessionScope] { self.state.withLock { $0.made } }

    /// The times that calls were given, in order.
    var timeLimits: [Duration] { self.state.withLock { $0.timeLimits } }

    /// What the executions of calls were called, in order.
    var executions: [ExecutionID] { self.state.withLock { $0.executions } }

    /// Defines a tool.
    func define(_ name: String, _ tool: @escaping Tool) { self.state.withLock { $0.tools[name] = tool } }

    /// Describes `echo` in other words from now on.
    func describe(_ description: String) { self.state.withLock { $0.description = description } }

    /// Makes every stack fail from now on, or none.
    func fail(with error: (any Error)?) { self.state.withLock { $0.failure = error } }

    /// Runs something in the middle of making every stack from now on; nil for nothing.
    func whenMaking(_ body: (@Sendable () async throws -> Void)?) { self.state.withLock { $0.making = body } }

    func makeStack(for scope: SessionScope) async throws -> any SessionStack {
        try await self.state.withLock { $0.making }?()
        try self.state.withLock { state in
            if let failure = state.failure { throw failure }
            state.made.append(scope)
        }
        return Stack(stacks: self)
    }

    func checkStanding(of principal: Principal) async throws {
        if self.state.withLock({ $0.revoked.contains(principal) }) { throw MCPError(.unauthorized, "The key was revoked.") }
    }

    /// Says what became of an execution.
    func settle(_ execution: ExecutionID, _ result: Result<MCPToolResult, MCPError>) {
        self.state.withLock { $0.results[execution] = result }
    }

    func lostResult(of execution: ExecutionID, in organization: OrganizationID) async throws -> MCPToolResult {
        guard let result = self.state.withLock({ $0.results[execution] }) else { throw MCPError.executionInterrupted(nil) }
        return try result.get()
    }

    /// Lets a principal act no more.
    func revoke(_ principal: Principal) { self.state.withLock { _ = $0.revoked.insert(principal) } }

    private struct Stack: SessionStack {
        let stacks: ScriptedStacks

        func tools() async throws -> [MCPTool] {
            let description = self.stacks.state.withLock { $0.description }
            return [MCPTool(name: "echo", title: "Echo", description: description, inputSchema: JSONText(["type": "object"]))]
        }

        func call(
            _ call: MCPToolCall, as execution: ExecutionID, within timeLimit: Duration, progress: any SessionProgress
        ) async throws -> SessionToolOutcome {
            self.stacks.state.withLock { state in
                state.timeLimits.append(timeLimit)
                state.executions.append(execution)
            }
            if call.name == "echo" {
                return .result(MCPToolResult(content: [.text(call.arguments.string)], structuredContent: call.arguments))
            }
            guard let tool = self.stacks.state.withLock({ $0.tools[call.name] }) else { return .unknownTool }
            return try await tool(call, progress)
        }
    }
}

typealias ScriptedLease = ManualLease

extension ManualLease: SessionLeaseSource {}
