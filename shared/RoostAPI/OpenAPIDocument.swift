import HTTPTypes
import Identity
package import JSON

/// The OpenAPI 3.1 document of Roost's own REST API, made from the operations themselves.
///
/// It serves people (`GET /api/v1/openapi.json`) and agents: the catalog ingests it as the integration `roost`.
package enum OpenAPIDocument {
    /// Builds the document; equal operations give equal bytes.
    package static func make(operations: [Operation] = Operation.all, version: String) -> JSONValue {
        var paths: JSONObject = [:]
        for operation in operations {
            let path = Operation.pathPrefix + operation.path
            var item = paths[path]?.object ?? [:]
            item[operation.method.rawValue.lowercased()] = Self.object(of: operation)
            paths[path] = .object(item)
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Roost", "version": .string(version),
                "description": "The REST API of a Roost installation: integrations, connections, policies, keys, executions and sessions.",
            ],
            "servers": [["url": "/"]],
            "security": [["bearer": []]],
            "paths": .object(paths),
            "components": [
                "securitySchemes": ["bearer": ["type": "http", "scheme": "bearer"]],
                "schemas": ["Problem": Self.problem],
            ],
        ]
    }

    private static func object(of operation: Operation) -> JSONValue {
        var object: JSONObject = [
            "operationId": .string(operation.operationID),
            "tags": [.string(operation.tag)],
            "summary": .string(operation.summary),
            "x-roost-permission": .string(operation.permission.rawValue),
        ]
        if !operation.parameters.isEmpty {
            object["parameters"] = .array(operation.parameters.map(Self.parameter))
        }
        if let body = operation.body {
            object["requestBody"] = ["required": true, "content": ["application/json": ["schema": body]]]
        }
        if operation.takesDocument {
            object["requestBody"] = [
                "required": true, "content": ["application/json": [:], "application/yaml": ["schema": ["type": "string"]]],
            ]
        }
        var responses: JSONObject = [:]
        for success in [operation.success, operation.created].compactMap({ $0 }) {
            var response: JSONObject = ["description": .string(success.summary)]
            if let schema = success.schema { response["content"] = ["application/json": ["schema": schema]] }
            responses[String(success.status.code)] = .object(response)
        }
        responses["default"] = [
            "description": "The request was refused or failed.",
            "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
        ]
        object["responses"] = .object(responses)
        return .object(object)
    }

    private static func parameter(_ parameter: Operation.Parameter) -> JSONValue {
        [
            "name": .string(parameter.name), "in": .string(parameter.place.rawValue), "required": .bool(parameter.place == .path),
            "description": .string(parameter.summary), "schema": parameter.schema,
        ]
    }

    /// RFC 9457.
    private static let problem: JSONValue = [
        "type": "object", "required": ["type", "title", "status", "detail"],
        "properties": [
            "type": [
                "type": "string",
                "description": """
                urn:roost:problem: and a word for programs. With outcome-unknown a write was perhaps carried out: look before sending it again.
                """,
            ],
            "title": ["type": "string"], "status": ["type": "integer"], "detail": ["type": "string"],
            "errors": [
                "type": "array",
                "items": ["type": "object", "properties": ["pointer": ["type": "string"], "detail": ["type": "string"]]],
            ],
            "unlisted_error_count": ["type": "integer"],
        ],
    ]
}
