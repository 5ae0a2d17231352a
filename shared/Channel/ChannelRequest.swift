package import Telemetry

/// A request on the internal channel, as the client sends it and as the handler receives it.
package struct ChannelRequest: Sendable {
    /// The method, for example `POST`.
    package var method: String
    /// The path with its query, beginning with a slash.
    package var path: String
    /// The header fields.
    package var headers: ChannelHeaders
    /// When the answer is worth nothing any more, on this process's own clock; nil for no limit but the connection's life.
    ///
    /// What travels is the remaining time, computed at the moment of sending, so that no two clocks are ever compared.
    package var deadline: ContinuousClock.Instant?
    /// The operation that this request is part of. The sender passes the span that the receiver shall name as its parent.
    package var trace: TraceContext?
    /// What the request carries.
    package var body: ChannelBody

    /// Makes a request; `timeout` counts from now and covers everything up to the last byte of the response.
    package init(
        method: String,
        path: String,
        headers: ChannelHeaders = [:],
        timeout: Duration? = nil,
        trace: TraceContext? = nil,
        body: ChannelBody = .empty
    ) {
        self.method = method
        self.path = path
        self.headers = headers
        self.deadline = timeout.map { ContinuousClock.now.advanced(by: $0) }
        self.trace = trace
        self.body = body
    }

    /// What is left until the deadline, never below zero; nil without a deadline.
    package var remaining: Duration? {
        self.deadline.map { Swift.max(.zero, ContinuousClock.now.duration(to: $0)) }
    }
}
