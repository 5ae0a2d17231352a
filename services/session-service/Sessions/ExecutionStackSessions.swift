package import ExecutionStack
import JSON
import MCP
package import Model
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
        case .endNotRecorded: return MCPError(.executionInterrupted, self.message)
        case .notFound, .internal: throw self
        }
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
