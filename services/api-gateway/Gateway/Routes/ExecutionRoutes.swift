import ExecutionStack
import Installation
import JSON
import Model
import RoostAPI
import Store

/// Executions over REST: the same stack, programs and answers as over MCP.
enum ExecutionRoutes {
    static let all: [Route] = [
        Route(.executionsRun) { call in
            var fields = try call.fields()
            let code = fields.string("code", maxCharacters: call.services.settings.maxMessageBytes)
            try fields.finish()
            let reply = try await call.stack().execute(code)
            var writer = JSONWriter(reservingCapacity: reply.toolResult.bytes.count + 128)
            writer.beginObject()
            writer.member("id", .string(reply.execution.rawValue))
            writer.member("state", .string(reply.state.rawValue))
            writer.key("outcome")
            writer.raw(reply.toolResult)
            writer.endObject()
            return .ok(writer.finish())
        },
        Route(.executionsList) { call in
            let page = try await call.stack().executions(call.page())
            return .page(page.items.map { .object($0.json) }, nextCursor: page.next)
        },
        Route(.executionsShow) { call in
            let stored = try await call.stack().execution(call.id("execution", of: "execution"))
            var json = stored.record.json
            json["outcome"] = try stored.outcome?.value() ?? .null
            json["calls"] = .array(stored.calls.listed.map(\.json))
            json["call_count"] = .int(stored.calls.count)
            return .ok(.object(json))
        },
        Route(.executionsCancel) { call in
            let id: ExecutionID = try call.id("execution", of: "execution")
            let state = try await call.stack().cancel(id)
            return .ok(["id": .string(id.rawValue), "state": .string(state.rawValue)])
        },
        Route(.agentTools) { call in
            .ok(["tools": .array(try await call.stack().agentTools().map { try $0.json() })])
        },
    ]
}

extension RouteCall {
    /// The caller's stack, made for this request.
    func stack() async throws -> ExecutionStack {
        try await ExecutionStack.make(scope: ExecutionScope(principal: self.principal(), client: .rest), services: self.services)
    }
}

extension ExecutionRecord {
    fileprivate var json: JSONObject {
        [
            "id": .string(self.id.rawValue), "account": .string(self.account.rawValue), "client": .string(self.client.rawValue),
            "state": .string(self.state.rawValue), "code_hash": .string(self.codeHash), "started_at": .string("\(self.startedAt)"),
            "ended_at": .time(self.endedAt), "error_code": .text(self.errorCode),
        ]
    }
}

extension ExecutionCall {
    fileprivate var json: JSONValue {
        [
            "sequence": .int(Int(self.sequence)), "address": .string(self.address), "effect": .string(self.effect.rawValue),
            "outcome": .text(self.outcome?.rawValue), "started_at": .string("\(self.startedAt)"), "ended_at": .time(self.endedAt),
        ]
    }
}

extension AgentTool {
    /// As MCP's newest revision shows it.
    fileprivate func json() throws -> JSONValue {
        [
            "name": .string(self.name), "title": .string(self.title), "description": .string(self.description),
            "inputSchema": try self.inputSchema.value(), "outputSchema": try self.outputSchema.value(),
        ]
    }
}
