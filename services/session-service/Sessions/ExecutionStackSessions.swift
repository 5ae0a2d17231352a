package import ExecutionStack
import JSON
package import MCP
package import Model
import SessionAPI
package import Store

/// What a session's stack is made from: the process's core and the session-service's own access to the database.
package struct SessionServices: StackServices {
    package let core: CoreServices
    package let store: Store

    package init(core: CoreServices, store: Store) {
        self.core = core
        self.store = store
    }
}

/// Makes the stacks of sessions with the one constructor that the gateway uses too.
package struct ExecutionStackSessions: SessionStackMaking {
    private let services: SessionServices

    package init(services: SessionServices) { self.services = services }

    package func forgetRules(of organization: OrganizationID) async { self.services.core.forgetRules(of: organization) }

    package func makeStack(for scope: SessionScope) async throws -> any SessionStack {
        do throws(ExecutionStackError) {
            let scope = ExecutionScope(principal: scope.principal, client: .mcp(session: scope.session))
            return ExecutionStackSession(stack: try await ExecutionStack.make(scope: scope, services: self.services))
        } catch {
            throw try error.protocolError()
        }
    }

    package func checkStanding(of principal: Principal) async throws {
        do throws(ExecutionStackError) {
            try await self.services.core.checkStanding(of: principal)
        } catch {
            throw try error.protocolError()
        }
    }

    package func lostResult(of execution: ExecutionID, in organization: OrganizationID) async throws -> MCPToolResult {
        switch try await LostAnswers(services: self.services).find(execution, in: organization) {
        case .outcome(let outcome): return try MCPToolResult(stored: outcome)
        case .interrupted(let execution), .running(let execution): throw MCPError.executionInterrupted(execution)
        }
    }
}

/// An ``ExecutionStack`` as a session shows it to its client.
struct ExecutionStackSession: SessionStack {
    let stack: ExecutionStack

    func tools() async throws -> [MCPTool] {
        do throws(ExecutionStackError) {
            return try await self.stack.agentTools().map(MCPTool.init(_:))
        } catch {
            throw try error.protocolError()
        }
    }

    func prepare() async { await self.stack.prepareSearch() }

    func call(
        _ call: MCPToolCall, as execution: ExecutionID, within timeLimit: Duration, progress: any SessionProgress
    ) async throws -> SessionToolOutcome {
        // The text was checked when the message was read; only its bounds as a tree are left to fail.
        guard let arguments = try? call.arguments.value() else { return .invalidArguments("The arguments hold too many values.") }
        do throws(ExecutionStackError) {
            let reply = try await self.stack.call(call.name, arguments: arguments, within: timeLimit, as: execution)
            if Task.isCancelled, let calls = reply.failure?.calls { return .stopped(calls.data) }
            return .result(MCPToolResult(reply))
        } catch {
            switch error.code.value {
            case .unknownTool: return .unknownTool
            case .invalidArguments, .invalidProgram: return .invalidArguments(error.message)
            case .nestedExecution: return .result(.failure(error.message))
            default: throw try error.protocolError()
            }
        }
    }
}

extension ExecutionStackError {
    /// The protocol error for the client; rethrows what is a fault of ours, for the log.
    fileprivate func protocolError() throws -> MCPError {
        switch self.code.value {
        case .unknownTool, .invalidArguments, .invalidProgram: return MCPError(.invalidParams, self.message)
        case .nestedExecution: return MCPError(.invalidRequest, self.message)
        case .revoked: return MCPError(.unauthorized, self.message)
        case .draining, .unavailable: return MCPError(.unavailable, self.message, retryAfter: .seconds(1))
        case .alreadyBegun, .endNotRecorded: return MCPError(.executionInterrupted, self.message, data: self.interrupted?.data ?? [:])
        case .notFound, .internal: throw self
        }
    }
}

extension MCPError {
    /// What is told of a call whose process went away, with what is known of its execution.
    fileprivate static func executionInterrupted(_ execution: InterruptedExecution) -> MCPError {
        let bare = MCPError.executionInterrupted(nil)
        let message =
            execution.isRetryable ? "The process that ran the call went away before it answered. \(execution.advice)" : bare.message
        return MCPError(bare.code, message, data: execution.data)
    }
}

extension MCPTool {
    fileprivate init(_ tool: AgentTool) {
        self.init(
            name: tool.name, title: tool.title, description: tool.description, inputSchema: tool.inputSchema,
            outputSchema: tool.outputSchema,
            annotations: Annotations(
                readOnly: tool.annotations.isReadOnly, destructive: tool.annotations.isDestructive,
                idempotent: tool.annotations.isIdempotent,
                openWorld: tool.annotations.isOpenWorld))
    }
}

extension MCPToolResult {
    /// Reads a result back from where an execution's outcome is kept.
    fileprivate init(stored outcome: JSONText) throws {
        let value = try outcome.value()
        let content = (value["content"]?.array ?? []).map { block -> Content in
            if block["type"] == "text", block.object?.count == 2, let text = block["text"]?.string { return .text(text) }
            return .block(type: block["type"]?.string ?? "", JSONText(block))
        }
        self.init(
            content: content, structuredContent: value["structuredContent"].map { JSONText($0) }, isError: value["isError"]?.bool ?? false)
    }

    fileprivate init(_ reply: ExecutionReply) {
        self.init(
            content: reply.content.map { item in
                switch item {
                case .text(let text): .text(text)
                case .block(let type, let json): .block(type: type, json)
                }
            }, structuredContent: reply.structuredContent, isError: reply.failure != nil)
    }
}
