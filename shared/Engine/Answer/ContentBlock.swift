package import JSON

/// One block of what an agent is shown, in the shape of MCP's content blocks.
package enum ContentBlock: Sendable, Hashable {
    case text(String)
    /// A whole block as JSON, of type `image`, `audio`, `resource` or `resource_link`, or a text block with annotations.
    case block(type: String, JSONText)

    /// Writes the block as MCP has it.
    package func write(to writer: inout JSONWriter) {
        switch self {
        case .text(let text):
            writer.beginObject()
            writer.member("type", "text")
            writer.member("text", .string(text))
            writer.endObject()
        case .block(_, let block):
            writer.raw(block)
        }
    }

    /// About how many bytes the block takes as JSON.
    var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .block(_, let block): block.bytes.count
        }
    }
}
