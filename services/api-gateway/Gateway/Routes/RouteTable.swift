import HTTPTypes
import Hummingbird
import Identity
import Installation
import JSON
import Logging
import Model
import NIOCore
import RoostAPI

/// Serves the list of routes: authentication, permission, body bounds and error mapping are done here once, for all of them.
struct RouteTable: Sendable {
    let routes: [Route]
    let services: GatewayServices
    /// The OpenAPI document of the routes, written once.
    let document: JSONText

    init(services: GatewayServices, document: JSONText) {
        self.routes = Self.allRoutes
        self.services = services
        self.document = document
    }

    /// Every operation with its handler.
    static let allRoutes: [Route] =
        OrganizationRoutes.all + KeyRoutes.all + IntegrationRoutes.all + ConnectionRoutes.all + ToolRoutes.all + PolicyRoutes.all
        + AccountRoutes.all + ExecutionRoutes.all + SessionRoutes.all

    func add(to router: Router<GatewayRequestContext>) {
        router.get(RouterPath(Operation.pathPrefix + "/openapi.json")) { [document] _, _ in
            Response(status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: document.bytes)))
        }
        for route in self.routes {
            router.on(RouterPath(Operation.pathPrefix + route.operation.path), method: route.operation.method) { request, context in
                try await self.serve(route, request, context)
            }
        }
    }

    /// What API documents are sent as (RFC 9512 for YAML; the others are what tools guess).
    private static let documentTypes: Set<String> = ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain"]

    private func serve(_ route: Route, _ request: Request, _ context: GatewayRequestContext) async throws -> Response {
        var request = request
        let caller = try await self.services.authenticate(request.headers[.authorization])
        try self.services.authorize(caller, for: route.operation.permission)
        let body = try await self.body(of: route, &request)
        var query: [String: String] = [:]
        for (name, value) in request.uri.queryParameters {
            guard route.operation.parameters.contains(where: { $0.place == .query && $0.name == name }) else {
                throw Problem.badRequest("The query parameter `\(name)` is not known to this operation.")
            }
            guard query.updateValue(String(value), forKey: String(name)) == nil else {
                throw Problem.badRequest("The query parameter `\(name)` comes twice.")
            }
        }
        var parameters: [String: String] = [:]
        for (name, value) in context.parameters {
            guard let value = value.decodedPathParameter else {
                throw Problem.badRequest("`\(name)` in the path must be percent-encoded UTF-8 without control characters.")
            }
            parameters[String(name)] = value
        }
        let answer = try await route.handle(
            RouteCall(
                caller: caller, parameters: parameters, query: query, body: body, services: self.services, trace: context.trace,
                logger: context.requestLogger))
        return answer.response
    }

    /// The whole body of an operation that takes one; an operation that takes none ignores what is sent.
    private func body(of route: Route, _ request: inout Request) async throws -> [UInt8] {
        let operation = route.operation
        guard operation.body != nil || operation.takesDocument else { return [] }
        let type = request.headers[.contentType]?.mediaType ?? ""
        guard type == "application/json" || (operation.takesDocument && Self.documentTypes.contains(type)) else {
            let types = operation.takesDocument ? "an API document: JSON or YAML" : "application/json"
            throw Problem(.unsupportedMediaType, "unsupported-media-type", "The body must be \(types).")
        }
        let settings = self.services.settings
        return try await request.collectBytes(
            upTo: operation.bodyBound == .document ? settings.maxDocumentBytes : settings.maxMessageBytes)
    }
}

extension RouteAnswer {
    fileprivate var response: Response {
        var headers = self.headers
        headers[.cacheControl] = "no-store"
        guard let body else { return Response(status: self.status, headers: headers) }
        headers[.contentType] = "application/json"
        return Response(status: self.status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body.bytes)))
    }
}
