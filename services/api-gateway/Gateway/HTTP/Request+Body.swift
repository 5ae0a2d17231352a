import HTTPTypes
import Hummingbird
import NIOCore

extension Request {
    /// The whole body.
    ///
    /// - Throws: ``Problem`` 413 when it is longer than `limit`, before it is read where `Content-Length` tells; 415 when it is encoded,
    ///   because what it unfolds to is not bounded by what it is; 400 when it does not come to its end: a client that left, or chunks
    ///   that are none (RFC 9112, section 7.1). Where its end would be is then not known, so the connection ends too.
    mutating func collectBytes(upTo limit: Int) async throws -> [UInt8] {
        if let coding = self.headers[.contentEncoding], coding.lowercased() != "identity" {
            // RFC 9110, section 12.5.3: the answer says which codings would do.
            throw Problem(
                .unsupportedMediaType, "unsupported-content-encoding", "The body must come without a content coding.",
                headers: [.acceptEncoding: "identity"])
        }
        let tooLarge = Problem(.contentTooLarge, "content-too-large", "The body must have at most \(limit) bytes.")
        if let length = self.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
        do {
            let buffer = try await self.collectBody(upTo: limit)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch let error as CancellationError {
            throw error
        } catch {
            throw Problem(
                .badRequest, "bad-request", "The body is malformed or does not come to its end.", headers: [.connection: "close"])
        }
    }
}
