import Hummingbird
import Identity
import JSON
import NIOCore

/// The RFC 9728 metadata by which clients of MCP find out where to get a token; there only with an issuer.
enum ResourceMetadata {
    static func add(to router: Router<GatewayRequestContext>, resource: ProtectedResource?) {
        // Clients try the form with the resource's path first, then the root.
        for path in [ProtectedResource.wellKnownPath + MCPEndpoint.path, ProtectedResource.wellKnownPath] {
            router.get(RouterPath(path)) { _, _ in
                guard let resource else {
                    throw Problem.notFound("metadata: this installation has no token issuer, use an API key")
                }
                return Response(
                    status: .ok,
                    headers: OriginPolicy.metadataFields + [.contentType: "application/json", .cacheControl: "max-age=300"],
                    body: ResponseBody(byteBuffer: ByteBuffer(bytes: resource.document.bytes())))
            }
        }
    }
}
