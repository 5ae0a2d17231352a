package import JSON

/// A message of a client, read as far as Roost acts on it.
package enum MCPClientMessage: Sendable {
    case initialize(JSONRPCID, MCPInitialization)
    case ping(JSONRPCID)
    /// `tools/list`; the cursor as the client sent it.
    case listTools(JSONRPCID, cursor: String?)
    case callTool(JSONRPCID, MCPToolCall)
    /// A request for something that is not offered.
    case otherRequest(JSONRPCID, method: String)
    /// The client has what it needs and begins to work.
    case initialized
    /// `notifications/cancelled`; nil when it names no request, which is then ignored as the protocol asks for.
    case cancelled(JSONRPCID?)
    /// A notification that nothing follows from.
    case otherNotification(method: String)
    /// An answer to a question that Roost did not ask.
    case response

    /// Reads a message's parameters.
    ///
    /// - Throws: `invalidParams` for the message's id.
    package init(_ envelope: MCPEnvelope, limits: MCPLimits = MCPLimits()) throws(MCPError) {
        do throws(MCPError) {
            switch envelope.kind {
            case .response: self = .response
            case .notification(let method): self = Self.notification(method, envelope)
            case .request(let id, "initialize"): self = .initialize(id, try MCPInitialization(MCPParameters(envelope), limits: limits))
            case .request(let id, "ping"): self = .ping(id)
            case .request(let id, "tools/list"): self = .listTools(id, cursor: try MCPParameters(envelope).optionalString("cursor"))
            case .request(let id, "tools/call"): self = .callTool(id, try MCPToolCall(MCPParameters(envelope), limits: limits))
            case .request(let id, let method): self = .otherRequest(id, method: method)
            }
        } catch {
            throw error.answering(envelope.requestID)
        }
    }

    private static func notification(_ method: String, _ envelope: MCPEnvelope) -> MCPClientMessage {
        switch method {
        case "notifications/initialized": .initialized
        case "notifications/cancelled": .cancelled((try? MCPParameters(envelope))?.id("requestId"))
        default: .otherNotification(method: method)
        }
    }
}

/// What `initialize` says.
package struct MCPInitialization: Sendable, Hashable {
    /// The revision that the client wants, whether Roost knows it or not.
    package let requestedRevision: String
    /// What the client can do, as it was sent.
    package let capabilities: JSONText
    /// What the client calls itself, as it was sent; never used to decide anything.
    package let clientInfo: JSONText?

    init(_ parameters: MCPParameters, limits: MCPLimits) throws(MCPError) {
        guard let requested = try parameters.optionalString("protocolVersion") else {
            throw MCPError(.invalidParams, "initialize needs the parameter protocolVersion.")
        }
        self.requestedRevision = requested
        let bound = limits.maxClientDescriptionBytes
        self.capabilities = try parameters.optionalObject("capabilities", maxBytes: bound) ?? JSONText(.object([:]))
        self.clientInfo = try parameters.optionalObject("clientInfo", maxBytes: bound)
    }
}

/// What `tools/call` says.
package struct MCPToolCall: Sendable, Hashable {
    /// The tool's name, which need not exist.
    package let name: String
    /// The arguments as they were sent; an empty object when there were none.
    package let arguments: JSONText
    /// The token under which the client wants to hear of progress.
    package let progressToken: JSONRPCID?

    init(_ parameters: MCPParameters, limits: MCPLimits) throws(MCPError) {
        guard let name = try parameters.optionalString("name") else {
            throw MCPError(.invalidParams, "tools/call needs the parameter name.")
        }
        self.name = name
        self.arguments = try parameters.optionalObject("arguments", maxBytes: limits.maxMessageBytes) ?? JSONText(.object([:]))
        self.progressToken = try parameters.meta()?.id("progressToken")
    }
}

/// The members of a message's parameters, or of an object among them, read one by one when they are asked for.
struct MCPParameters {
    private let bytes: [UInt8]
    private let members: [String: Range<Int>]

    init(_ envelope: MCPEnvelope) throws(MCPError) { try self.init(envelope.text.bytes, envelope.params) }

    private init(_ bytes: [UInt8], _ range: Range<Int>?) throws(MCPError) {
        var members: [String: Range<Int>] = [:]
        if let range, let found = JSONMembers(of: bytes, at: range.lowerBound) {
            for member in found {
                guard members.count < Self.maxMembers, members.updateValue(member.value, forKey: member.name) == nil else {
                    throw MCPError(.invalidParams, "The parameters are too many, or one comes more than once.")
                }
            }
        }
        self.bytes = bytes
        self.members = members
    }

    /// No method has more than a handful; the rest is somebody's extension.
    private static let maxMembers = 64

    func optionalString(_ name: String) throws(MCPError) -> String? {
        guard let range = self.members[name] else { return nil }
        guard let string = (try? JSONValue(parsing: Array(self.bytes[range])))?.string else {
            throw MCPError(.invalidParams, "The parameter \(name) must be a string.")
        }
        return string
    }

    func optionalObject(_ name: String, maxBytes: Int) throws(MCPError) -> JSONText? {
        guard let range = self.members[name] else { return nil }
        guard self.bytes[range.lowerBound] == UInt8(ascii: "{"), let text = try? JSONText(validating: Array(self.bytes[range])) else {
            throw MCPError(.invalidParams, "The parameter \(name) must be an object.")
        }
        guard range.count <= maxBytes else {
            throw MCPError(.invalidParams, "The parameter \(name) must not be larger than \(maxBytes) bytes.")
        }
        return text
    }

    /// An id or a token; nil when it is missing or neither a string nor an integer.
    func id(_ name: String) -> JSONRPCID? { self.members[name].flatMap { JSONRPCID(token: self.bytes[$0]) } }

    func meta() throws(MCPError) -> MCPParameters? {
        guard let range = self.members["_meta"] else { return nil }
        return try MCPParameters(self.bytes, range)
    }
}
