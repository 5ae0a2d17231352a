package import JSON

/// A tool as `tools/list` shows it.
package struct MCPTool: Sendable, Hashable {
    /// Hints for people and clients; nobody may rely on them.
    package struct Annotations: Sendable, Hashable {
        package var readOnly: Bool
        /// Nil where it depends on the call.
        package var destructive: Bool?
        package var idempotent: Bool
        package var openWorld: Bool

        package init(readOnly: Bool, destructive: Bool?, idempotent: Bool, openWorld: Bool) {
            self.readOnly = readOnly
            self.destructive = destructive
            self.idempotent = idempotent
            self.openWorld = openWorld
        }
    }

    /// The name by which it is called: 1 to 64 of `A-Z a-z 0-9 _ . -`.
    package var name: String
    /// The name that people see.
    package var title: String?
    /// What it does, for the model.
    package var description: String
    /// The schema of its arguments, passed through as it is.
    package var inputSchema: JSONText
    /// The schema of its structured content.
    package var outputSchema: JSONText?
    package var annotations: Annotations?

    package init(
        name: String, title: String? = nil, description: String, inputSchema: JSONText, outputSchema: JSONText? = nil,
        annotations: Annotations? = nil
    ) {
        self.name = name
        self.title = title
        self.description = description
        self.inputSchema = inputSchema
        self.outputSchema = outputSchema
        self.annotations = annotations
    }

    /// Writes the tool with what the revision knows.
    func write(to writer: inout JSONWriter, for revision: MCPRevision) {
        writer.beginObject()
        writer.member("name", .string(self.name))
        if revision.hasStructuredContent, let title = self.title { writer.member("title", .string(title)) }
        writer.member("description", .string(self.description))
        writer.key("inputSchema")
        writer.raw(self.inputSchema)
        if revision.hasStructuredContent, let outputSchema = self.outputSchema {
            writer.key("outputSchema")
            writer.raw(outputSchema)
        }
        if revision.hasToolAnnotations, let annotations = self.annotations {
            var hints: JSONObject = ["readOnlyHint": .bool(annotations.readOnly)]
            if let destructive = annotations.destructive { hints["destructiveHint"] = .bool(destructive) }
            hints["idempotentHint"] = .bool(annotations.idempotent)
            hints["openWorldHint"] = .bool(annotations.openWorld)
            writer.member("annotations", .object(hints))
        }
        writer.endObject()
    }
}
