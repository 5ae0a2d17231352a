/// A response on the internal channel. Its body may still be arriving when the client gets it.
package struct ChannelResponse: Sendable {
    /// The status, 200 to 599.
    package var status: Int
    /// The header fields.
    package var headers: ChannelHeaders
    /// What the response carries. On the client, letting go of an unread body cancels the exchange.
    package var body: ChannelBody

    package init(status: Int, headers: ChannelHeaders = [:], body: ChannelBody = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
