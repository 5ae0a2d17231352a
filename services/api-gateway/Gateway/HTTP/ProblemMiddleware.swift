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
            let problem = Self.problem(for: error, of: request, logger: context.requestLogger)
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

    /// HTTP/1.0, whose clients in use send `Host` too, is held to the same; a probe of the health of this process is answered without.
    private static func checkHost(_ request: Request) throws {
        // The first `Host` is the authority; a second one is still among the fields.
        let hosts = [request.head.authority].compactMap { $0 } + request.headers[values: .secondHost]
        guard !hosts.isEmpty || request.uri.path != "/healthz" else { return }
        try RequestHost.check(hosts)
    }

    /// Hummingbird's own refusals (no route, bad URI) have a status and no body.
    private static func problem(for error: any Error, of request: Request, logger: Logger) -> Problem {
        guard let error = error as? any HTTPResponseError else {
            return ErrorMapping.problem(for: error, isReading: [.get, .head].contains(request.method), logger: logger)
        }
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
}

extension HTTPField.Name {
    /// A name known to be a valid token.
    fileprivate init(token name: String) {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no field name") }
        self = name
    }
}

extension Problem {
    /// The fields of the problem as an answer.
    var fields: HTTPFields { self.headers + [.contentType: "application/problem+json", .cacheControl: "no-store"] }

    /// The problem as an answer.
    var response: Response {
        Response(status: self.status, headers: self.fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: self.json.bytes())))
    }
}
