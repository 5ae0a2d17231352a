import Egress
import OpenAPI

/// Fetches documents.
struct DocumentFetcher: Sendable {
    private let upstream: any UpstreamSending
    private let limits: CatalogLimits

    init(upstream: any UpstreamSending, limits: CatalogLimits) {
        self.upstream = upstream
        self.limits = limits
    }

    /// A document, and the URL that answered, after redirects: what relative server URLs in it mean.
    func fetch(_ url: String) async throws(CatalogError) -> (bytes: [UInt8], url: String) {
        do {
            _ = try EgressURL(parsing: url, maxBytes: 4_096)
        } catch {
            throw CatalogError(.invalidSource, "\(error.message) Give the http or https URL of the document, or the document itself.")
        }
        let request = EgressRequest(
            url: url, headers: [("accept", "application/json, application/yaml, */*;q=0.5"), ("user-agent", "Roost")],
            timeout: self.limits.documentTimeout, maxResponseBytes: self.limits.document.maxDocumentBytes)
        let response: EgressResponse
        do {
            response = try await self.upstream.send(request)
        } catch {
            let hint =
                error.code == .responseTooLarge
                ? " A document has at most \(self.limits.document.maxDocumentBytes) bytes (roost.openapi.max_document_bytes)." : ""
            throw CatalogError(
                .documentUnreachable, "The document could not be fetched. \(error.message)\(hint)", reason: error.code.description)
        }
        guard (200..<300).contains(response.status) else {
            throw CatalogError(
                .documentUnreachable, "The server answered HTTP \(response.status) instead of the document.",
                reason: "http_\(response.status)")
        }
        return (response.body, response.url)
    }
}
