package import HTTPTypes
package import Identity
package import JSON

/// One REST operation: how it is called, who may call it, what it answers.
///
/// The gateway's router, its permission checks and the OpenAPI document are all made from these values, so none can drift from the
/// others. They stand apart from the handlers because the session-service shows the same API to programs.
package struct Operation: Sendable {
    /// A path or query parameter.
    package struct Parameter: Sendable {
        package enum Place: String, Sendable {
            case path
            case query
        }

        package let name: String
        package let place: Place
        package let summary: String
        package let schema: JSONValue

        init(_ name: String, in place: Place, _ summary: String, schema: JSONValue = ["type": "string"]) {
            self.name = name
            self.place = place
            self.summary = summary
            self.schema = schema
        }
    }

    /// What the operation answers when it succeeds.
    package struct Success: Sendable {
        package let status: HTTPResponse.Status
        package let summary: String
        /// Nil when the answer has no body.
        package let schema: JSONValue?

        init(_ status: HTTPResponse.Status, _ summary: String, schema: JSONValue? = nil) {
            self.status = status
            self.summary = summary
            self.schema = schema
        }
    }

    /// How large a request body may be; the gateway's settings say what that is in bytes.
    package enum BodyBound: Sendable {
        /// As large as an MCP message: a program, or a few fields.
        case message
        /// As large as an API document.
        case document
    }

    /// `policies.list`: the `operationId`, and the tool's name where an agent calls it.
    package let operationID: String
    package let method: HTTPRequest.Method
    /// With parameters in braces, below `/api/v1`: `/policies/{policy}`.
    package let path: String
    package let summary: String
    package let permission: Permission
    package let parameters: [Parameter]
    /// The JSON Schema of the request body; nil when the operation takes none, or takes a document.
    package let body: JSONValue?
    /// Whether the body is an API document as it stands, JSON or YAML.
    package let takesDocument: Bool
    /// How large the body may be.
    package let bodyBound: BodyBound
    package let success: Success
    /// What it answers instead when it made something new; nil when that is no question.
    package let created: Success?

    init(
        _ operationID: String, _ method: HTTPRequest.Method, _ path: String, _ summary: String, permission: Permission,
        parameters: [Parameter] = [], body: JSONValue? = nil, takesDocument: Bool = false,
        bodyBound: BodyBound = .message, success: Success, created: Success? = nil
    ) {
        self.operationID = operationID
        self.method = method
        self.path = path
        self.summary = summary
        self.permission = permission
        self.parameters = parameters
        self.body = body
        self.takesDocument = takesDocument
        self.bodyBound = bodyBound
        self.success = success
        self.created = created
    }

    /// Every REST operation there is.
    package static let all: [Operation] =
        organizationOperations + keyOperations + integrationOperations + connectionOperations + toolOperations + policyOperations
        + accountOperations + executionOperations + sessionOperations

    /// Where every operation stands.
    package static let pathPrefix = "/api/v1"

    /// The first word of the operation id, by which documents group operations.
    package var tag: String { String(self.operationID.prefix { $0 != "." }) }
}

extension Operation.Parameter {
    static let limit = Operation.Parameter(
        "limit", in: .query, "How many items at most.", schema: ["type": "integer", "minimum": 1, "maximum": 200])
    static let cursor = Operation.Parameter("cursor", in: .query, "`next_cursor` of the page before.")
}
