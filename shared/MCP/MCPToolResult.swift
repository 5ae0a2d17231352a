package import JSON

/// What a tool call comes to, as `tools/call` answers it. A tool that failed has a result too, with ``isError``.
package struct MCPToolResult: Sendable, Hashable {
    /// One item for the model.
    package enum Content: Sendable, Hashable {
        case text(String)
        /// A whole content block of another type, as JSON.
        case block(type: String, JSONText)

        /// The first revision that knows the block's type; a client of an older one gets a note instead, because clients reject types
        /// that they do not know.
        private static func firstRevision(of type: String) -> MCPRevision {
            switch type {
            case "audio": .march2025
            case "resource_link": .june2025
            default: .november2024
            }
        }

        func write(to writer: inout JSONWriter, for revision: MCPRevision) {
            switch self {
            case .text(let text):
                writer.value(["type": "text", "text": .string(text)])
            case .block(let type, _) where revision < Self.firstRevision(of: type):
                writer.value(["type": "text", "text": "[\(type) content, which revision \(revision.rawValue) cannot carry]"])
            case .block(_, let block):
                writer.raw(block)
            }
        }
    }

    package var content: [Content]
    /// The result for programs, an object; sent to clients whose revision has it.
    package var structuredContent: JSONText?
    /// Whether the tool failed, which the model is meant to see and to act on.
    package var isError: Bool

    package init(content: [Content], structuredContent: JSONText? = nil, isError: Bool = false) {
        self.content = content
        self.structuredContent = structuredContent
        self.isError = isError
    }

    /// A failure that says what is wrong and what to do.
    package static func failure(_ message: String) -> MCPToolResult { MCPToolResult(content: [.text(message)], isError: true) }

    /// About how many bytes it takes to keep or to send.
    package var byteCount: Int {
        self.content.reduce(self.structuredContent?.bytes.count ?? 0) { sum, item in
            switch item {
            case .text(let text): sum + text.utf8.count
            case .block(_, let block): sum + block.bytes.count
            }
        }
    }

    func write(to writer: inout JSONWriter, for revision: MCPRevision) {
        writer.beginObject()
        writer.key("content")
        writer.beginArray()
        for item in self.content { item.write(to: &writer, for: revision) }
        writer.endArray()
        if revision.hasStructuredContent, let structuredContent = self.structuredContent {
            writer.key("structuredContent")
            writer.raw(structuredContent)
        }
        writer.member("isError", .bool(self.isError))
        writer.endObject()
    }
}
