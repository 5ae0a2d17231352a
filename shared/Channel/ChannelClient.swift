package import ServiceLifecycle

/// Something that requests can be sent through: the HTTP/2 client or its in-memory twin.
///
/// `run()` must be running for requests to be served; requests that come before wait for it. On graceful shutdown new requests are
/// refused and those under way get until the drain time to finish.
package protocol ChannelClient: Service {
    /// Sends a request and returns as soon as the response's head is there.
    ///
    /// Cancelling the calling task cancels the request at the peer too, and so does letting go of a response whose body has not been
    /// read to its end. A request with a deadline ends at it at the latest, whatever the peer does.
    func send(_ request: ChannelRequest) async throws(ChannelError) -> ChannelResponse
}
