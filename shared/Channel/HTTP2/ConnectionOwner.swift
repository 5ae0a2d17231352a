/// Who is told what happens to a client's connections. Called on event loops, outside of the framing engine.
protocol ClientConnectionOwner: AnyObject, Sendable {
    /// The peer's settings are there: requests may be sent.
    func connectionIsReady(_ connection: HTTP2Connection, maxStreams: Int)
    /// The peer has answered for the first time: it is alive and accepts the key.
    func connectionIsProven(_ connection: HTTP2Connection)
    /// The connection takes no more requests; those under way go on.
    func connectionIsDraining(_ connection: HTTP2Connection, because error: ChannelError?)
    /// So many streams have ended.
    func streamsEnded(_ count: Int, on connection: HTTP2Connection)
    /// The connection is gone; every stream on it is being ended.
    func connectionClosed(_ connection: HTTP2Connection, because error: ChannelError)
}

/// Who is told what happens to a server's connections. Called on event loops, outside of the framing engine.
protocol ServerConnectionOwner: AnyObject, Sendable {
    /// A connection has been accepted; false to turn it away.
    func connectionOpened(_ connection: HTTP2Connection) -> Bool
    /// A request's head has come, and as much of its body as was there.
    func accept(_ stream: HTTP2Stream) throws(JobQueue<HTTP2Stream>.Refusal)
    /// A client does not have the key; it is answered and its connection closed.
    func connectionRefused(_ connection: HTTP2Connection)
    /// The connection is gone; every stream on it is being ended.
    func connectionClosed(_ connection: HTTP2Connection, because error: ChannelError)
}
