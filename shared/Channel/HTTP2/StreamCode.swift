/// The error codes of RST_STREAM and GOAWAY that the channel uses and tells apart (RFC 9113, section 7).
struct StreamCode: RawRepresentable, Sendable, Hashable {
    let rawValue: UInt32

    static let noError = StreamCode(rawValue: 0x0)
    static let internalError = StreamCode(rawValue: 0x2)
    static let refusedStream = StreamCode(rawValue: 0x7)
    static let cancel = StreamCode(rawValue: 0x8)
    /// The channel's own: the server's time for the request was up after it had begun to answer. Others read it as an internal error.
    static let deadlineExceeded = StreamCode(rawValue: 0xF2A0_0001)

    /// What the end of a stream with this code means to the side that did not choose it.
    var error: ChannelError {
        switch self {
        case .refusedStream: ChannelError(.notProcessed, "The peer refused the request before it looked at it.")
        case .internalError: ChannelError(.handlerFailed, "The handler failed after it had begun to answer; the server's log says why.")
        case .deadlineExceeded: ChannelError(.deadlineExceeded, "The request's time was up before the response was complete.")
        case .cancel: ChannelError(.reset, "The peer cancelled the exchange.")
        default: ChannelError(.reset, "The peer ended the exchange with HTTP/2 error code \(self.rawValue).")
        }
    }
}
