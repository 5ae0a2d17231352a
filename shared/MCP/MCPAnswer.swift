import JSON
private import SSE

/// The messages that a server sends, as bytes ready for a body or a stream.
package enum MCPAnswer {
    /// `initialize`: what was negotiated and what is offered, which is tools, and to tell when they changed.
    package static func initialized(_ id: JSONRPCID, revision: MCPRevision, server: MCPServerInfo) -> [UInt8] {
        self.result(id) { writer in
            writer.beginObject()
            writer.member("protocolVersion", .string(revision.rawValue))
            writer.member("capabilities", ["tools": ["listChanged": true]])
            var info: JSONObject = ["name": .string(server.name)]
            if revision.hasStructuredContent { info["title"] = .string(server.title) }
            info["version"] = .string(server.version)
            if revision.hasImplementationDescription { info["description"] = .string(server.description) }
            writer.member("serverInfo", .object(info))
            writer.member("instructions", .string(server.instructions))
            writer.endObject()
        }
    }

    /// An empty result, as `ping` has it.
    package static func empty(_ id: JSONRPCID) -> [UInt8] { self.result(id) { $0.value([:]) } }

    /// `tools/list`: all tools at once. There is no next page; a session has a handful of tools, and the catalog is behind one of them.
    package static func tools(_ id: JSONRPCID, _ tools: [MCPTool], revision: MCPRevision) -> [UInt8] {
        self.result(id) { writer in
            writer.beginObject()
            writer.key("tools")
            writer.beginArray()
            for tool in tools { tool.write(to: &writer, for: revision) }
            writer.endArray()
            writer.endObject()
        }
    }

    /// `tools/call`.
    package static func toolResult(_ id: JSONRPCID, _ result: MCPToolResult, revision: MCPRevision) -> [UInt8] {
        self.result(id) { result.write(to: &$0, for: revision) }
    }

    /// A refusal. Without an id it says `"id": null`, as JSON-RPC 2.0, section 5, has it.
    package static func error(_ error: MCPError) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("jsonrpc", "2.0")
        writer.key("id")
        if let id = error.id { writer.raw(id.token) } else { writer.null() }
        writer.key("error")
        writer.beginObject()
        writer.member("code", .int(error.code.rpcCode))
        writer.member("message", .string(error.message))
        if !error.data.isEmpty { writer.member("data", .object(error.data)) }
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    /// `notifications/progress`. The caller sees to it that the value grows and that nothing follows the result.
    package static func progress(_ token: JSONRPCID, value: Int, message: String?, revision: MCPRevision) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("jsonrpc", "2.0")
        writer.member("method", "notifications/progress")
        writer.key("params")
        writer.beginObject()
        writer.key("progressToken")
        writer.raw(token.token)
        writer.member("progress", .int(value))
        if revision.hasToolAnnotations, let message { writer.member("message", .string(message)) }
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    /// `notifications/tools/list_changed`.
    package static let toolsChanged = Array(#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#.utf8)

    /// A message as an event of a stream.
    package static func event(_ message: [UInt8], id: String? = nil) -> [UInt8] {
        ServerSentEvent(name: "message", id: id, data: message).bytes()
    }

    /// The event without a message that begins a stream and gives its client an id to come back with.
    package static func priming(id: String) -> [UInt8] { ServerSentEvent(id: id, data: []).bytes() }

    /// Whether the bytes of a stream begin with what ``priming(id:)`` gives.
    package static func beginsWithPriming(_ bytes: [UInt8]) -> Bool {
        guard bytes.starts(with: "id: ".utf8), let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return false }
        return bytes[(end + 1)...].starts(with: "data: \n\n".utf8)
    }

    /// What is said on a stream before it is closed on purpose.
    package static func comingBack(after delay: Duration) -> [UInt8] { ServerSentEvent.comingBack(after: delay) }

    private static func result(_ id: JSONRPCID, _ write: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 256)
        writer.beginObject()
        writer.member("jsonrpc", "2.0")
        writer.key("id")
        writer.raw(id.token)
        writer.key("result")
        write(&writer)
        writer.endObject()
        return writer.bytes
    }
}

/// What the server says about itself.
package struct MCPServerInfo: Sendable, Hashable {
    package var name: String
    package var title: String
    package var version: String
    package var description: String
    /// How to use the server, for the model.
    package var instructions: String

    package init(name: String, title: String, version: String, description: String, instructions: String) {
        self.name = name
        self.title = title
        self.version = version
        self.description = description
        self.instructions = instructions
    }
}
