import Hummingbird
import Identity
import JSON
import NIOCore

/// The RFC 9728 metadata by which clients of MCP find out where to get a token; there only with an issuer.
enum ResourceMetadata {
    static func add(to router: Router<GatewayRequestContext>, resource: ProtectedResource?, origins: OriginPolicy) {
        // Clients try the form with the resource's path first, then the root.
        for path in [ProtectedResource.wellKnownPath + MCPEndpoint.path, ProtectedResource.wellKnownPath] {
            router.on(RouterPath(path), method: .options) { request, _ in
                Response(status: .noContent, headers: origins.answerFields(for: request.headers[.origin]) + OriginPolicy.preflightFields)
            }
            router.get(RouterPath(path)) { request, _ in
                // Public by its nature, and needed by pages of any origin before they have a token.
                let cors: HTTPFields = [.accessControlAllowOrigin: "*"]
                guard let resource else {
                    var response = Problem.notFound("metadata: this installation has no token issuer, use an API key").response
                    for field in cors { response.headers[field.name] = field.value }
                    return response
                }
                return Response(
                    status: .ok, headers: cors + [.contentType: "application/json", .cacheControl: "max-age=300"],
                    body: ResponseBody(byteBuffer: ByteBuffer(bytes: resource.document.bytes())))
            }
        }
    }
}
