/// What answers the requests that come in over the channel.
///
/// Each call runs in a task of its own, which is cancelled when the client goes away, cancels, or the request's time is up. A handler
/// that throws gives the client a ``ChannelError`` with the code `handlerFailed` without any of the error's text.
package protocol ChannelHandler: Sendable {
    /// Answers one request. If the response's body is a stream, its producer runs in the same task after this returned.
    func respond(to request: ChannelRequest) async throws -> ChannelResponse
}

/// A handler made of a closure.
package struct ClosureChannelHandler: ChannelHandler {
    private let closure: @Sendable (ChannelRequest) async throws -> ChannelResponse

    package init(_ closure: @escaping @Sendable (ChannelRequest) async throws -> ChannelResponse) { self.closure = closure }

    package func respond(to request: ChannelRequest) async throws -> ChannelResponse { try await self.closure(request) }
}
