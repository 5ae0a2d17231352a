import HTTPTypes
import Hummingbird
import Identity
import Installation
import JSON
import Logging
import MCP
import Model
import NIOCore
import SessionAPI

/// `/mcp`: checks who calls and what, then passes the message on, as it came, to the session-service that has the session.
///
/// The order of the checks is the protocol's: origin, authentication, method and media types, body, era, session. Answers come back
/// byte for byte; streams are passed on as they arrive, and a client that reads slowly slows down nobody but itself.
struct MCPEndpoint: Sendable {
    static let path = "/mcp"

    let services: GatewayServices
    let origins: OriginPolicy

    func add(to router: Router<GatewayRequestContext>) {
        for method in [HTTPRequest.Method.get, .post, .delete, .put, .patch, .head] {
            router.on(RouterPath(Self.path), method: method) { request, context in await self.respond(to: request, context) }
        }
        router.on(RouterPath(Self.path), method: .options) { request, _ in
            Response(status: .noContent, headers: self.origins.answerFields(for: request.headers[.origin]) + OriginPolicy.preflightFields)
        }
    }

    /// Never throws: an MCP client wants a JSON-RPC error where there can be one, and CORS fields on every answer.
    private func respond(to request: Request, _ context: GatewayRequestContext) async -> Response {
        var response: Response
        do {
            response = try await self.serve(request, context)
        } catch let error as MCPError {
            response = Response(error)
        } catch {
            response = ErrorMapping.problem(for: error, logger: context.requestLogger).response
        }
        for field in self.origins.answerFields(for: request.headers[.origin]) { response.headers[field.name] = field.value }
        return response
    }

    private func serve(_ request: Request, _ context: GatewayRequestContext) async throws -> Response {
        if let origin = request.headers[.origin], !self.origins.allows(origin) {
            throw Problem.forbidden("The origin is not allowed; add it to roost.gateway.allowed_origins if it should be.")
        }
        let caller = try await self.services.authenticate(request.headers[.authorization])
        try self.services.authorize(caller, for: .mcp)
        guard case .principal(let principal) = caller else {
            throw Problem.forbidden("The installation key opens no MCP sessions. Use an agent key.")
        }
        let sessionCaller = SessionCaller(principal: principal, resource: Self.path)
        let head = MCPRequestHead(
            method: request.method.rawValue, values: { name in HTTPField.Name(name).map { request.headers[values: $0] } ?? [] })
        var route = try head.admit()
        var envelope: MCPEnvelope?
        if route == nil {
            let peeked = try MCPEnvelope.peek(try await self.body(of: request), limits: self.services.mcp)
            envelope = peeked
            route = try head.route(peeked)
        }
        guard let route else { throw Problem.badRequest("The request has no message.") }
        let answer = try await self.services.sessions.send(route, envelope, for: sessionCaller, trace: context.trace)
        return Response(answer)
    }
}

extension MCPEndpoint {
    /// The message's bytes; one that is too large is refused in the client's own words too.
    private func body(of request: Request) async throws -> [UInt8] {
        var request = request
        let limit = self.services.settings.maxMessageBytes
        do {
            return try await request.collectBytes(upTo: limit)
        } catch let problem as Problem where problem.status == .contentTooLarge {
            throw MCPError(.tooLarge, "The message is larger than \(limit) bytes.")
        } catch let problem as Problem where problem.status == .unsupportedMediaType {
            throw MCPError(.unsupportedMediaType, "The message must come without a content coding.")
        }
    }
}

extension Response {
    /// The session-service's answer as it came.
    fileprivate init(_ answer: SessionAnswer) {
        var headers = HTTPFields()
        for (name, value) in answer.headers where name != "content-length" {
            if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
        }
        let body: ResponseBody
        switch answer.body {
        case .whole(let bytes): body = ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        case .events(let stream):
            // Proxies that buffer would hold events back until the call ends.
            headers[.xAccelBuffering] = "no"
            body = ResponseBody { writer in
                for try await chunk in stream {
                    var rest = ByteBuffer(bytes: chunk)
                    // The connection holds a writer up between writes only, so one large write would take all of it into its buffers.
                    while let piece = rest.readSlice(length: min(rest.readableBytes, 64 << 10)), piece.readableBytes > 0 {
                        try await writer.write(piece)
                    }
                }
                try await writer.finish(nil)
            }
        }
        self.init(status: .init(code: answer.status), headers: headers, body: body)
    }

    /// A refusal with its JSON-RPC error.
    fileprivate init(_ error: MCPError) {
        let answer = error.answer
        var headers: HTTPFields = [.contentType: "application/json"]
        for (name, value) in answer.headers { if let name = HTTPField.Name(name) { headers[name] = value } }
        self.init(status: .init(code: answer.status), headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.bytes)))
    }
}
