import Channel

/// What the session-service answers, ready to be passed on: status and headers as the client is to get them.
package struct SessionAnswer: Sendable {
    /// What the answer carries.
    package enum Body: Sendable {
        /// All of it is there.
        case whole([UInt8])
        /// Events that arrive over time; read it once, and let go of it to say that the client left.
        case events(SessionEventStream)
    }

    package let status: Int
    /// Without the fields of the internal contract.
    package let headers: [(name: String, value: String)]
    package internal(set) var body: Body
    /// Set when nothing was done and another replica may be asked.
    package let refusal: SessionRefusal?
    /// Who keeps the session, on a refusal that says so.
    package let owner: SessionOwner?

    init(status: Int, headers: ChannelHeaders, body: Body) {
        self.status = status
        self.headers = headers.compactMap { $0.name.hasPrefix(SessionHeaders.prefix) ? nil : ($0.name, $0.value) }
        self.body = body
        self.refusal = headers[SessionHeaders.refusal].map { SessionRefusal(rawValue: $0) ?? .overloaded }
        self.owner = headers[SessionHeaders.owner].flatMap(SessionOwner.init)
    }
}
