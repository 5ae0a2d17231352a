package import JSON
package import Model

/// One operation of a document as a tool.
package struct OpenAPITool: Sendable {
    /// `group.leaf`, unique within the document.
    package let name: String
    package let description: String
    package let binding: OperationBinding
    /// JSON Schema 2020-12 for the one object that the tool takes; refers to the source's definitions as `#/$defs/<name>`.
    package let inputSchema: JSONText
    /// JSON Schema 2020-12 for what a successful call gives.
    package let outputSchema: JSONText

    package var effect: ToolEffect { self.binding.effect }
}

/// Everything that Roost keeps of a document.
package struct OpenAPISource: Sendable {
    package let title: String
    package let summary: String
    /// In the order of their names.
    package let tools: [OpenAPITool]
    /// The schemas that tools share, by name, each once.
    package let definitions: [(name: String, schema: JSONText)]
    package let configuration: OpenAPIConfiguration
    /// What was left out; at most ``OpenAPILimits/maxFaults``.
    package let faults: [IngestFault]
    /// How many faults came beyond those.
    package let unlistedFaultCount: Int
}

/// What calls of all tools of one document have in common.
package struct OpenAPIConfiguration: Sendable, Hashable {
    /// Where calls go unless an operation, the integration or the connection says otherwise; nil where the document names no server that
    /// can be used.
    package var server: String?
    /// The ways to sign in; the last is always ``AuthMethod/none``.
    package var authMethods: [AuthMethod]

    package init(server: String?, authMethods: [AuthMethod]) {
        self.server = server
        self.authMethods = authMethods
    }

    /// The stored form.
    package var json: JSONValue {
        var object = JSONObject()
        if let server = self.server { object["server"] = .string(server) }
        object["authMethods"] = .array(self.authMethods.map(\.json))
        return .object(object)
    }

    /// Reads the stored form; nil where it is not one.
    package init?(json: JSONValue) {
        guard let methods = json["authMethods"]?.array else { return nil }
        self.init(server: json["server"]?.string, authMethods: methods.compactMap(AuthMethod.init(json:)))
        guard self.authMethods.count == methods.count else { return nil }
    }
}
