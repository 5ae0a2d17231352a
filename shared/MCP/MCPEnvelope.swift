package import JSON

/// What a JSON-RPC message is, read from its bytes without building a tree: enough to route it, to refuse it and to name it in a log.
///
/// The gateway peeks and passes the body on as it came; the session-service peeks again and reads the parameters from the range found
/// here. Both therefore see the same method and the same parameters, and a member that comes twice, which two readers could take in two
/// ways, is refused.
package struct MCPEnvelope: Sendable {
    /// The kinds of messages.
    package enum Kind: Sendable, Hashable {
        /// A call that wants an answer.
        case request(id: JSONRPCID, method: String)
        /// A call that wants none.
        case notification(method: String)
        /// The answer to something that the server asked.
        case response(id: JSONRPCID?)
    }

    /// What the message is.
    package let kind: Kind
    /// The message, checked to be one JSON text.
    package let text: JSONText
    /// Where `params` stands in ``text``; nil when the message has none.
    package let params: Range<Int>?
    /// The revision that `params._meta` names under `io.modelcontextprotocol/protocolVersion`, as stateless clients must.
    package let metaRevision: String?

    /// The method; nil for a response.
    package var method: String? {
        switch self.kind {
        case .request(_, let method), .notification(let method): method
        case .response: nil
        }
    }

    /// The id of a request, to answer it with; nil for everything else, to which nothing may be answered by id.
    package var requestID: JSONRPCID? {
        if case .request(let id, _) = self.kind { id } else { nil }
    }

    /// Looks at a message.
    ///
    /// - Throws: `parseError` when it is not JSON within `limits`, `invalidRequest` for a batch and for what is no JSON-RPC 2.0 message.
    package static func peek(_ bytes: [UInt8], limits: MCPLimits = MCPLimits()) throws(MCPError) -> MCPEnvelope {
        let text: JSONText
        do {
            text = try JSONText(validating: bytes, limits: limits.json)
        } catch {
            throw MCPError(.parseError, "The body is not an acceptable JSON text: \(error)")
        }
        guard let members = JSONMembers(of: text.bytes, at: 0) else {
            let isBatch = text.bytes.first == UInt8(ascii: "[")
            throw MCPError(
                .invalidRequest,
                isBatch
                    ? "Batches are not accepted; send one message in each POST." : "The body is not a JSON-RPC message, which is an object."
            )
        }
        return try Self(text: text, members: members, limits: limits)
    }

    private init(text: JSONText, members: JSONMembers, limits: MCPLimits) throws(MCPError) {
        var found = Members()
        for member in members {
            guard found.take(member) else {
                throw MCPError(.invalidRequest, "The message has the member \(member.name) more than once.")
            }
        }
        let bytes = text.bytes
        let id = try Self.id(found.id, in: bytes)
        guard found.version.map({ bytes[$0].elementsEqual("\"2.0\"".utf8) }) == true else {
            throw MCPError(.invalidRequest, "The member jsonrpc must be \"2.0\".", id: id)
        }
        self.text = text
        self.params = found.params
        self.kind = try Self.kind(found, id: id, in: bytes, limits: limits)
        if let params = self.params, bytes[params.lowerBound] != UInt8(ascii: "{") {
            throw MCPError(.invalidRequest, "The member params must be an object.", id: id)
        }
        self.metaRevision = try self.params.flatMap { (params) throws(MCPError) in try Self.metaRevision(params, id: id, in: bytes) }
    }

    /// Where the members stand that matter.
    private struct Members {
        var version: Range<Int>?
        var id: Range<Int>?
        var method: Range<Int>?
        var params: Range<Int>?
        var result: Range<Int>?
        var error: Range<Int>?

        /// False when the member was there before.
        mutating func take(_ member: JSONMembers.Member) -> Bool {
            switch member.name {
            case "jsonrpc": Self.set(&self.version, member.value)
            case "id": Self.set(&self.id, member.value)
            case "method": Self.set(&self.method, member.value)
            case "params": Self.set(&self.params, member.value)
            case "result": Self.set(&self.result, member.value)
            case "error": Self.set(&self.error, member.value)
            default: true
            }
        }

        private static func set(_ place: inout Range<Int>?, _ value: Range<Int>) -> Bool {
            guard place == nil else { return false }
            place = value
            return true
        }
    }

    private static func kind(
        _ found: Members, id: JSONRPCID?, in bytes: [UInt8], limits: MCPLimits
    ) throws(MCPError) -> Kind {
        let isResponse = found.result != nil || found.error != nil
        guard let range = found.method else {
            guard isResponse else { throw MCPError(.invalidRequest, "The message has neither a method nor a result.", id: id) }
            return .response(id: id)
        }
        guard !isResponse else { throw MCPError(.invalidRequest, "The message has both a method and a result.", id: id) }
        guard range.count <= limits.maxMethodBytes, let method = JSONMembers.string(bytes[range]) else {
            throw MCPError(.invalidRequest, "The member method must be a string of at most \(limits.maxMethodBytes) bytes.", id: id)
        }
        if let id { return .request(id: id, method: method) }
        return .notification(method: method)
    }

    /// Null is no id in MCP, unlike in JSON-RPC, but in a response it says that the request could not be read.
    private static func id(_ range: Range<Int>?, in bytes: [UInt8]) throws(MCPError) -> JSONRPCID? {
        guard let range else { return nil }
        guard let id = JSONRPCID(token: bytes[range]) else {
            throw MCPError(.invalidRequest, "The member id must be a string or an integer of at most \(JSONRPCID.maxBytes) bytes.")
        }
        return id
    }

    private static func metaRevision(_ params: Range<Int>, id: JSONRPCID?, in bytes: [UInt8]) throws(MCPError) -> String? {
        guard let members = JSONMembers(of: bytes, at: params.lowerBound) else { return nil }
        var meta: Range<Int>?
        for member in members where member.name == "_meta" {
            guard meta == nil else { throw MCPError(.invalidRequest, "The parameters have the member _meta more than once.", id: id) }
            meta = member.value
        }
        guard let meta, let entries = JSONMembers(of: bytes, at: meta.lowerBound) else { return nil }
        var revision: String?
        for entry in entries where entry.name == "io.modelcontextprotocol/protocolVersion" && entry.value.count <= 64 {
            revision = (try? JSONValue(parsing: Array(bytes[entry.value])))?.string ?? ""
        }
        return revision
    }
}
