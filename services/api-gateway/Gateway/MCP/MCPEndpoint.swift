import Channel
import Hummingbird
import Identity
import Installation
import JSON
import Logging
import MCP
import Model
import NIOCore
import NIOHTTP1
import SessionAPI
import Telemetry

/// `/mcp`: checks who calls and what, then passes the message on, as it came, to the session-service that has the session.
///
/// The order of the checks is the protocol's: host, origin, authentication, method and media types, body, era, session. Answers come back
/// byte for byte; streams are passed on as they arrive, and a client that reads slowly slows down nobody but itself.
///
/// A class, because every connection and every message holds on to it.
final class MCPEndpoint: Sendable {
    static let path = "/mcp"

    let services: GatewayServices
    let origins: OriginPolicy
    let proxies: TrustedProxies

    init(services: GatewayServices, origins: OriginPolicy, proxies: TrustedProxies) {
        self.services = services
        self.origins = origins
        self.proxies = proxies
    }

    /// The largest message that is taken.
    var maxMessageBytes: Int { self.services.settings.maxMessageBytes }
    /// The largest body that any request may have.
    var maxBodyBytes: Int { max(self.maxMessageBytes, self.services.settings.maxDocumentBytes) }

    /// Whether a request is for the endpoint. Preflights, and methods that it refuses in no special way, are the router's.
    static func takes(_ head: HTTPRequestHead) -> Bool {
        switch head.method {
        case .POST, .DELETE, .GET, .PUT, .PATCH, .HEAD: head.uri == Self.path || Self.path(of: head.uri) == [Self.path.dropFirst()]
        default: false
        }
    }

    /// The segments of a request's path; its target may be a whole URI (RFC 9112, section 3.2.2).
    private static func path(of target: String) -> [Substring] {
        var rest = target[...]
        if !rest.hasPrefix("/"), let scheme = rest.firstRange(of: "://") { rest = rest[scheme.upperBound...].drop { $0 != "/" } }
        return rest.prefix { $0 != "?" && $0 != "#" }.split(separator: "/")
    }

    /// Answers preflights, which need no more than the router.
    func addPreflight(to router: Router<GatewayRequestContext>) {
        router.on(RouterPath(Self.path), method: .options) { request, _ in
            Response(status: .noContent, headers: self.origins.answerFields(for: request.headers[.origin]) + OriginPolicy.preflightFields)
        }
    }

    /// Never throws: an MCP client wants a JSON-RPC error where there can be one, and CORS fields on every answer.
    func respond(to request: MCPRequest, logger: Logger) async -> MCPResponse {
        let origin = request.first("origin")
        let trace = Self.trace(of: request)
        var response: MCPResponse
        do {
            response = MCPResponse(try await self.serve(request, origin: origin, trace: trace))
        } catch let error as MCPError {
            response = MCPResponse(error)
        } catch {
            // The gateway itself writes nothing for a message.
            let source = RequestSource(
                trace: trace, peer: request.peer, forwardedFor: request["x-forwarded-for"], proxies: self.proxies)
            response = MCPResponse(ErrorMapping.problem(for: error, isReading: true, logger: source.logger(logger)))
        }
        if let origin {
            response.add(self.origins.answerFields(for: origin))
        } else {
            response.headers.add(contentsOf: Self.metadataFields)
        }
        return response
    }

    /// What the answer to a client that is no browser's has besides, in the form in which it goes out.
    private static let metadataFields = OriginPolicy.metadataFields.map { ($0.name.canonicalName, $0.value) }

    private func serve(_ request: MCPRequest, origin: String?, trace: TraceContext) async throws -> SessionAnswer {
        try RequestHost.check(request["host"])
        if let origin, !self.origins.allows(origin) {
            throw Problem.forbidden("The origin is not allowed; add it to roost.gateway.allowed_origins if it should be.")
        }
        let caller = try await self.services.authenticate(request.first("authorization"), isCheckedAgain: true)
        try self.services.authorize(caller, for: .mcp)
        guard case .principal(let principal) = caller else {
            throw Problem.forbidden("The installation key opens no MCP sessions. Use an agent key.")
        }
        let head = MCPRequestHead(method: request.head.method.rawValue) { request[$0] }
        var route = try head.admit()
        var envelope: MCPEnvelope?
        if route == nil {
            let peeked = try await self.envelope(of: request)
            envelope = peeked
            route = try head.route(peeked)
        }
        guard let route else { throw Problem.badRequest("The request has no message.") }
        let (sessions, client) = (self.services.sessions, SessionCaller(principal: principal, resource: Self.path))
        guard envelope?.method == "tools/call" else { return try await sessions.send(route, envelope, for: client, trace: trace) }
        return try await self.narrating(for: principal) { execution in
            try await sessions.send(route, envelope, for: client, trace: trace, execution: execution)
        }
    }

    /// The message; one that cannot be read is refused in the client's own words where there are any.
    private func envelope(of request: MCPRequest) async throws -> MCPEnvelope {
        if let coding = request.first("content-encoding"), coding.lowercased() != "identity" {
            throw MCPError(.unsupportedMediaType, "The message must come without a content coding.")
        }
        let body: ByteBuffer
        do {
            body = try await request.body()
        } catch {
            switch error {
            case .tooLarge: throw MCPError(.tooLarge, "The message is larger than \(self.maxMessageBytes) bytes.")
            case .broken: throw Problem.badRequest("The body is malformed or does not come to its end.")
            }
        }
        let limits = self.services.mcp
        guard body.readableBytes > EventLoopExecutor.maxBytes else {
            return try MCPEnvelope.peek(Array(body.readableBytesView), limits: limits)
        }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) {
            try MCPEnvelope.peek(Array(body.readableBytesView), limits: limits)
        }
    }

    private static func trace(of request: MCPRequest) -> TraceContext {
        guard let header = request.first("traceparent"),
            let parent = TraceContext(traceparent: header, tracestate: request.first("tracestate"))
        else { return .root() }
        return parent.child()
    }
}
