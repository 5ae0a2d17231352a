import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import Telemetry

/// The outermost layer: continues or begins the trace, turns every error into a problem, and logs what was answered.
struct ProblemMiddleware: RouterMiddleware {
    typealias Context = GatewayRequestContext

    let proxies: TrustedProxies

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
            return try await next(request, context)
        } catch {
            let problem = Self.problem(for: error, logger: context.requestLogger)
            context.requestLogger.debug(
                "A request was refused",
                metadata: [
                    "http.response.status_code": "\(problem.status.code)", "problem.code": "\(problem.code)",
                    "url.path": "\(request.uri.path)",
                ])
            return problem.response
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
