import JSON

/// What an HTTP request to the MCP endpoint says before its body, and the checks that follow from it.
///
/// The checks come in the order in which `first failure answers` is pinned by the protocol's own tests: ``admit()`` before the body is
/// read, then ``MCPEnvelope/peek(_:limits:)``, then ``route(_:)``. Origin and authentication come before all of them and are the gateway's.
package struct MCPRequestHead: Sendable, Hashable {
    /// Where a request goes once it passed.
    package enum Route: Sendable, Hashable {
        /// `initialize`: a new session. Carries the id of a session if the client named one, which must not be open.
        case open(stale: String?)
        /// Anything else that was posted.
        case message(session: String)
        /// The client reads what is sent on no request's behalf, or a stream that it lost after the event of this id.
        case listen(session: String, after: String?)
        /// The client ends its session.
        case close(session: String)
    }

    /// The longest session id that is passed on; ours have 43 characters, so a longer one is unknown anyway.
    package static let maxSessionBytes = 128
    /// The longest event id that is passed on; ours have at most 78 characters.
    package static let maxEventBytes = 128

    private let method: String
    private let accept: [String]
    private let contentType: [String]
    private let revisions: [String]
    private let sessions: [String]
    private let lastEvents: [String]

    /// Takes what matters from a request.
    ///
    /// - Parameters:
    ///   - method: The HTTP method.
    ///   - values: Gives all values of a header field by its lower-case name.
    package init(method: String, values: (String) -> [String]) {
        self.method = method
        self.accept = values("accept")
        self.contentType = values("content-type")
        self.revisions = values("mcp-protocol-version")
        self.sessions = values("mcp-session-id")
        self.lastEvents = method == "GET" ? values("last-event-id") : []
    }

    /// Refuses what can be refused without the body: HTTP methods that the endpoint does not have, and media types.
    ///
    /// - Returns: For `GET` and `DELETE`, which have no body, where it goes; for `POST`, nil: read the body and call ``route(_:)``.
    @discardableResult
    package func admit() throws(MCPError) -> Route? {
        switch self.method {
        case "POST":
            guard self.isJSON else {
                throw MCPError(.unsupportedMediaType, "Content-Type must be application/json in UTF-8.")
            }
            guard self.accepts("application/json"), self.accepts("text/event-stream") else {
                throw MCPError(.notAcceptable, "Accept must list both application/json and text/event-stream.")
            }
            return nil
        case "GET" where !self.isStateless(metaRevision: nil):
            guard self.accepts("text/event-stream") else {
                throw MCPError(.notAcceptable, "Accept must list text/event-stream.")
            }
            try self.checkRevision(metaRevision: nil)
            return .listen(session: try self.session(), after: try self.lastEvent())
        case "DELETE" where !self.isStateless(metaRevision: nil):
            try self.checkRevision(metaRevision: nil)
            return .close(session: try self.session())
        default:
            var error = MCPError(
                .httpMethodNotAllowed, "This endpoint takes POST, GET for a session's stream, and DELETE to end a session.")
            error.allowedMethods = self.isStateless(metaRevision: nil) ? "POST" : "GET, POST, DELETE"
            throw error
        }
    }

    /// Decides where a posted message goes. Errors answer the message's id where it has one.
    package func route(_ envelope: MCPEnvelope) throws(MCPError) -> Route {
        do throws(MCPError) {
            guard !self.isStateless(metaRevision: envelope.metaRevision) else {
                throw MCPError(
                    .statelessRevision,
                    "Revision \(MCPRevision.july2026.rawValue) is not served here yet; use initialize with \(MCPRevision.newestWithSessions.rawValue)."
                )
            }
            try self.checkRevision(metaRevision: envelope.metaRevision)
            if case .request(_, "initialize") = envelope.kind { return .open(stale: self.staleSession) }
            return .message(session: try self.session())
        } catch {
            throw error.answering(envelope.requestID)
        }
    }

    // MARK: - Revision

    /// A request is of the era without sessions when the header or the body says so; neither can be used to slip past the other.
    private func isStateless(metaRevision: String?) -> Bool {
        metaRevision == MCPRevision.july2026.rawValue || self.revisions.contains(MCPRevision.july2026.rawValue)
    }

    private func checkRevision(metaRevision: String?) throws(MCPError) {
        guard self.revisions.allSatisfy({ $0 == self.revisions.first }) else {
            throw MCPError(.invalidRequest, "The request names more than one MCP-Protocol-Version.")
        }
        for requested in [self.revisions.first, metaRevision] {
            guard let requested, MCPRevision(rawValue: requested)?.hasSessions != true else { continue }
            throw MCPError(
                .unsupportedRevision, "The protocol version of the request is not supported.",
                data: [
                    "supported": .array(MCPRevision.served.map { .string($0.rawValue) }),
                    "requested": .string(String(requested.prefix(64))),
                ])
        }
    }

    // MARK: - Session

    private func session() throws(MCPError) -> String {
        guard let session = try self.optionalSession() else {
            throw MCPError(.missingSession, "The header Mcp-Session-Id is missing; open a session with initialize first.")
        }
        return session
    }

    /// Clients that keep the header after a 404 open anew with it. Whatever stands there must not lock them out, so only what may be an
    /// open session is looked at.
    private var staleSession: String? { (try? self.optionalSession()) ?? nil }

    private func optionalSession() throws(MCPError) -> String? {
        guard let session = self.sessions.first else { return nil }
        guard self.sessions.allSatisfy({ $0 == session }) else {
            throw MCPError(.invalidRequest, "The request names more than one Mcp-Session-Id.")
        }
        guard !session.isEmpty else { return nil }
        // What cannot be an id of ours is answered like one that is not: the client must not learn which.
        guard session.utf8.count <= Self.maxSessionBytes, session.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw MCPError.unknownSession()
        }
        return session
    }

    /// An empty id is what a client sends that never had one.
    private func lastEvent() throws(MCPError) -> String? {
        guard let event = self.lastEvents.first, self.lastEvents.count > 1 || !event.isEmpty else { return nil }
        guard self.lastEvents.count == 1, event.utf8.count <= Self.maxEventBytes, event.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw MCPError.unknownEvent() }
        return event
    }

    // MARK: - Media types

    /// RFC 8259 knows only UTF-8 between systems; a parameter that says otherwise is believed and refused.
    private var isJSON: Bool {
        guard self.contentType.count == 1, let value = self.contentType.first else { return false }
        // What nearly every client sends; the rest is taken apart.
        if value == "application/json" { return true }
        let range = MediaRange(value[...])
        guard range.type == "application/json" else { return false }
        return range.parameters["charset"].map { ["utf-8", "utf8"].contains($0) } ?? true
    }

    /// Whether an answer of this type may be sent (RFC 9110, section 12.5.1); without the header anything may.
    private func accepts(_ type: String) -> Bool {
        guard !self.accept.isEmpty else { return true }
        // What nearly every client sends; the rest is taken apart.
        if self.accept.count == 1, self.accept[0] == "application/json, text/event-stream" { return true }
        let family = type.prefix { $0 != "/" } + "/*"
        let ranges = self.accept.flatMap { $0.split(separator: ",") }.map(MediaRange.init(_:))
        for candidate in [type, String(family), "*/*"] {
            if let range = ranges.first(where: { $0.type == candidate }) { return !range.isRefused }
        }
        return false
    }
}

extension MCPError {
    /// The one answer for a session that does not exist, was closed, or is somebody else's.
    package static func unknownSession(_ id: JSONRPCID? = nil) -> MCPError {
        MCPError(.unknownSession, "Session not found; open a new one with initialize.", id: id)
    }
}

extension MCPError {
    /// The one answer for an event that a session never had, or had too long ago: these are not told apart.
    package static func unknownEvent(_ id: JSONRPCID? = nil) -> MCPError {
        MCPError(
            .unknownEvent,
            "There is no stream to go on with after this Last-Event-ID: the session never had the event, or its stream ended too long ago. "
                + "Leave the header out for a new stream.",
            id: id)
    }
}

/// One media range of `Accept`, or a media type, with its parameters in lower case.
private struct MediaRange {
    let type: String
    let parameters: [String: String]

    init(_ text: Substring) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { part in
            part.lowercased().filter { $0 != " " && $0 != "\t" && $0 != "\"" }
        }
        self.type = parts.first ?? ""
        var parameters: [String: String] = [:]
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if let name = pair.first, pair.count == 2 { parameters[String(name)] = String(pair[1]) }
        }
        self.parameters = parameters
    }

    /// Whether its weight is zero, which says that the type must not be sent.
    var isRefused: Bool {
        guard let weight = self.parameters["q"] else { return false }
        return Double(weight) == 0
    }
}
