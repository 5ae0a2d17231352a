import Catalog
import ExecutionStack
import HTTPTypes
import JSON
import Model
import Policies
import RoostAPI
import Store

/// The tools that the caller's programs can call, with what policies make of them.
enum ToolRoutes {
    static let all: [Route] = [
        Route(.toolsList) { call in
            let page = try call.page()
            var after: ToolAddress?
            if let cursor = page.cursor {
                after = Base64URL.decode(cursor).flatMap { String(validating: $0, as: UTF8.self) }.flatMap(ToolAddress.init(_:))
                guard after != nil else { throw Problem(.badRequest, "invalid-cursor", "The cursor is not one of this list.") }
            }
            let limit = page.limit ?? call.store.limits.defaultPageSize
            let (tools, hasMore) = try await call.stack().tools(integration: call.query["integration"], after: after, limit: limit)
            let next = hasMore ? tools.last.map { Base64URL.encode($0.address.description.utf8) } : nil
            return .page(tools.map { .object($0.json) }, nextCursor: next)
        },
        Route(.toolsShow) { call in
            guard let address = call.parameters["address"].flatMap(ToolAddress.init(_:)) else { throw Problem.notFound("tool") }
            let details = try await call.stack().tool(address)
            var json = details.tool.json
            json["input_schema"] = try details.inputSchema.value()
            json["output_schema"] = try details.outputSchema.value()
            json["input_typescript"] = .string(details.typeScript.inputTypeScript)
            json["output_typescript"] = .string(details.typeScript.outputTypeScript)
            json["typescript_definitions"] = .string(details.typeScript.typeScriptDefinitions.map(\.declaration).joined(separator: "\n"))
            return .ok(.object(json))
        },
    ]
}

extension ListedTool {
    fileprivate var json: JSONObject {
        [
            "address": .string(self.address.description), "name": .string(self.address.tool), "description": .string(self.description),
            "integration": .string(self.address.integration), "effect": .string(self.effect.rawValue),
            "action": .string(self.decision.action.rawValue),
        ]
    }
}
