import HTTPTypes
import Hummingbird

/// Answers what has no route: 405 with `Allow` where the path is known, otherwise 404; preflights are answered for metadata that is not
/// there too, so that a browser lets its page see that it is not.
///
/// Only requests that no route took come here: it is added behind the routes, and the router puts what is added later around its own 404
/// alone.
struct UnroutedMiddleware: RouterMiddleware {
    typealias Context = GatewayRequestContext

    /// A path with its methods.
    fileprivate struct Known: Sendable {
        let path: RouterPath
        /// As `Allow` lists them.
        let methods: String
    }

    private let known: [Known]

    /// - Parameter routes: All routes that there are.
    init(_ routes: [Router<GatewayRequestContext>.RouteDescription]) {
        var known: [Known] = []
        for (path, methods) in Dictionary(grouping: routes, by: \.path.description) {
            guard let first = methods.first else { continue }
            var names = Set(methods.map(\.method.rawValue))
            if names.contains("GET") { names.insert("HEAD") }
            // The endpoint takes other methods too, to refuse them in JSON-RPC.
            if path == MCPEndpoint.path { names = ["GET", "POST", "DELETE"] }
            names.insert("OPTIONS")
            known.append(Known(path: first.path, methods: names.sorted().joined(separator: ", ")))
        }
        self.known = known
    }

    @concurrent func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        if request.method == .options, path.hasPrefix("/.well-known/") {
            return Response(status: .noContent, headers: OriginPolicy.metadataFields + OriginPolicy.preflightFields)
        }
        let segments = path.split(separator: "/")
        guard let known = self.known.first(where: { $0.matches(segments) }) else {
            return try await next(request, context)
        }
        if request.method == .options { return Response(status: .noContent, headers: [.allow: known.methods]) }
        throw Problem(
            .methodNotAllowed, "method-not-allowed", "This path has the methods \(known.methods).", headers: [.allow: known.methods])
    }
}

extension UnroutedMiddleware.Known {
    fileprivate func matches(_ segments: [Substring]) -> Bool {
        self.path.components.count == segments.count && zip(self.path.components, segments).allSatisfy { $0 ~= $1 }
    }
}
