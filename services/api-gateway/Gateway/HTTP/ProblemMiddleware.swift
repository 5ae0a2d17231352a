import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import Telemetry

/// The outermost layer: continues or begins the trace, refuses requests without one host, turns every error into a problem, and logs what
/// was refused.
struct ProblemMiddleware: RouterMiddleware {
    typealias Context = GatewayRequestContext

    let proxies: TrustedProxies
    let origins: OriginPolicy

    @concurrent func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        var context = context
        if let header = request.headers[.traceparent],
            let parent = TraceContext(traceparent: header, tracestate: request.headers[.tracestate])
        {
            context.trace = parent.child()
        }
        context.forwardedFor = request.headers[values: .xForwardedFor]
        context.proxies = self.proxies
        do {
            try Self.checkHost(request)
            return try await next(request, context)
        } catch {
            let problem = Self.problem(for: error, logger: context.requestLogger)
            context.requestLogger.debug(
                "A request was refused",
                metadata: [
                    "http.response.status_code": "\(problem.status.code)", "problem.code": "\(problem.code)",
                    "url.path": "\(request.uri.path)",
                ])
            var response = problem.response
            for field in self.origins.fields(path: request.uri.path, origin: request.headers[.origin]) {
                response.headers[field.name] = field.value
            }
            return response
        }
    }

    /// RFC 9112, section 3.2: a request has one `Host`. HTTP/1.0, whose clients in use send it too, is held to the same; a probe of the
    /// health of this process is answered without.
    private static func checkHost(_ request: Request) throws {
        // The first `Host` is the authority; a second one is still among the fields.
        guard let host = request.head.authority else {
            guard request.uri.path != "/healthz" else { return }
            throw Problem.badRequest("The request has no Host field.")
        }
        guard request.headers[.secondHost] == nil, host.isHost else {
            throw Problem.badRequest("The request needs one Host field with a host.")
        }
    }

    /// Hummingbird's own refusals (no route, bad URI) have a status and no body.
    private static func problem(for error: any Error, logger: Logger) -> Problem {
        guard let error = error as? any HTTPResponseError else { return ErrorMapping.problem(for: error, logger: logger) }
        return Problem(error.status, error.status == .notFound ? "not-found" : "refused", "\(error.status.reasonPhrase).")
    }
}

extension HTTPField.Name {
    /// W3C Trace Context, section 3.2.
    static let traceparent = HTTPField.Name(token: "traceparent")
    static let tracestate = HTTPField.Name(token: "tracestate")
    /// The name of a second `Host`; the first one is the authority of the request, for which the package reserves the usual name.
    static let secondHost = HTTPField.Name(token: "host")
    /// The list of peers that proxies saw; a custom of proxies, in no specification.
    static let xForwardedFor = HTTPField.Name(token: "x-forwarded-for")
    /// Known to nginx and its kin: `no` keeps a proxy from holding a stream back.
    static let xAccelBuffering = HTTPField.Name(token: "x-accel-buffering")
}

extension HTTPField.Name {
    /// A name known to be a valid token.
    fileprivate init(token name: String) {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no field name") }
        self = name
    }
}

extension Problem {
    /// The problem as an answer.
    var response: Response {
        var headers = self.headers
        headers[.contentType] = "application/problem+json"
        headers[.cacheControl] = "no-store"
        return Response(status: self.status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: self.json.bytes())))
    }
}
