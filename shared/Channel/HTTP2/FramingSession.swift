import CNGHTTP2

/// What the framing engine reports. Every method is called from inside the engine, in the middle of ``FramingSession/receive(_:)`` or
/// ``FramingSession/nextOutput()``: it may change state and submit frames, but never call those two again, nor wake anybody.
protocol FramingDelegate: AnyObject {
    /// A head begins; its fields follow without another head's in between.
    func framingHeadBegan()
    /// One field of the head; the memory is valid during the call only.
    func framingHeadField(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>)
    /// The head is complete. `isRequest` tells a server a new stream.
    func framingHeadEnded(stream: Int32, isRequest: Bool)
    /// Body bytes; the memory is valid during the call only. The connection's window has been credited, the stream's has not.
    func framingReceived(stream: Int32, bytes: UnsafeBufferPointer<UInt8>)
    /// The peer has sent everything.
    func framingReceivedEnd(stream: Int32)
    /// The stream is gone; nothing more will be reported about it.
    func framingClosed(stream: Int32, code: StreamCode)
    /// A request's head has been put out.
    func framingSentRequest(stream: Int32)
    /// The last frame of a stream has been put out.
    func framingSentEnd(stream: Int32)
    /// Body bytes are wanted.
    func framingPull(stream: Int32, into buffer: UnsafeMutableBufferPointer<UInt8>) -> TaskBodyPipe.Pulled
    /// The peer's settings have come (not the acknowledgement of ours).
    func framingSettings(nonce: ConnectionNonce?)
    /// A PING was answered.
    func framingPong(payload: UInt64)
    /// The peer takes no more streams.
    func framingGoAway()
}

/// One side of an HTTP/2 connection: an nghttp2 session, which turns bytes into events and submissions into bytes and does no I/O.
///
/// Not thread safe, and meant to stay on one event loop. The C callbacks get this object as an unretained pointer: the session lives
/// exactly as long as the object (`init` to `deinit`), and runs callbacks only inside the calls made here, so the pointer is always valid.
final class FramingSession {
    enum Role: Sendable {
        case client
        case server
    }

    /// The nonce's place in SETTINGS: four private identifiers, 32 bits each. Unknown settings are ignored (RFC 9113, section 6.5.2).
    static let firstNonceSetting: Int32 = 0xF2A0

    let role: Role
    /// Set right after making; the delegate owns the session and so outlives it.
    unowned var delegate: any FramingDelegate
    private let session: OpaquePointer
    private var block = HeaderBlock()

    /// Makes the session and submits its settings; a server adds the nonce that its clients answer to.
    init(role: Role, limits: ChannelLimits, nonce: ConnectionNonce?, delegate: any FramingDelegate) throws(ChannelError) {
        self.role = role
        self.delegate = delegate
        guard let session = Self.makeSession(role: role, limits: limits) else {
            throw ChannelError(.unavailable, "There is no memory for another HTTP/2 connection.")
        }
        self.session = session
        nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
        self.submitSettings(limits: limits, nonce: nonce)
    }

    deinit { nghttp2_session_del(self.session) }

    // MARK: Bytes

    /// Feeds received bytes. False when the peer broke the protocol or a flood was stopped: send what is left, then close.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        nghttp2_session_mem_recv(self.session, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count) >= 0
    }

    /// The next bytes to send, valid until the next call; empty when there are none now, nil when the session is beyond repair.
    func nextOutput() -> UnsafeRawBufferPointer? {
        var start: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(self.session, &start)
        return count < 0 ? nil : UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Whether anything may still be received or sent; when not, the connection is done.
    var isDone: Bool { nghttp2_session_want_read(self.session) == 0 && nghttp2_session_want_write(self.session) == 0 }

    // MARK: Streams

    /// Opens a stream; nil when the connection takes none any more.
    func submitRequest(_ fields: HeaderFields, hasBody: Bool) -> Int32? {
        let id = self.block.withFields(fields) { start, count in
            var provider = Self.dataProvider
            return withUnsafePointer(to: &provider) { provider in
                nghttp2_submit_request(self.session, nil, start, count, hasBody ? provider : nil, nil)
            }
        }
        return id > 0 ? id : nil
    }

    /// Answers a stream. False when it is gone.
    func submitResponse(_ fields: HeaderFields, stream: Int32, hasBody: Bool) -> Bool {
        self.block.withFields(fields) { start, count in
            var provider = Self.dataProvider
            return withUnsafePointer(to: &provider) { provider in
                nghttp2_submit_response(self.session, stream, start, count, hasBody ? provider : nil)
            }
        } == 0
    }

    /// Asks for body bytes again after ``FramingDelegate/framingPull(stream:into:)`` had none. Does nothing for a stream that did not wait.
    func resume(stream: Int32) { nghttp2_session_resume_data(self.session, stream) }

    /// Gives back that much of the stream's window.
    func credit(stream: Int32, count: Int) { nghttp2_session_consume_stream(self.session, stream, count) }

    /// Breaks a stream off.
    func reset(stream: Int32, code: StreamCode) { nghttp2_submit_rst_stream(self.session, 0, stream, code.rawValue) }

    // MARK: Connection

    /// How many streams the peer allows at once.
    var peerMaxStreams: Int { Int(nghttp2_session_get_remote_settings(self.session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)) }

    /// Probes the peer.
    func ping(payload: UInt64) {
        withUnsafeBytes(of: payload) { bytes in
            _ = nghttp2_submit_ping(self.session, 0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// Says that a GOAWAY will follow, so that a client stops opening streams before some have to be turned away (RFC 9113, section 6.8).
    func submitShutdownNotice() { nghttp2_submit_shutdown_notice(self.session) }

    /// Takes no more streams than have been seen.
    func submitGoAway(code: StreamCode = .noError) {
        let last = nghttp2_session_get_last_proc_stream_id(self.session)
        nghttp2_submit_goaway(self.session, 0, last, code.rawValue, nil, 0)
    }

    /// Makes the next stream have this identifier, for tests of what happens at the end of the number range.
    func setNextStreamID(_ id: Int32) { nghttp2_session_set_next_stream_id(self.session, id) }

    private func submitSettings(limits: ChannelLimits, nonce: ConnectionNonce?) {
        var entries = [
            Self.setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.maxUnreadBytes),
            Self.setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.maxHeaderBytes),
        ]
        switch self.role {
        case .client: entries.append(Self.setting(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        case .server: entries.append(Self.setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.maxStreamsPerConnection))
        }
        for (index, word) in (nonce?.words ?? []).enumerated() {
            entries.append(nghttp2_settings_entry(settings_id: Self.firstNonceSetting + Int32(index), value: word))
        }
        nghttp2_submit_settings(self.session, 0, entries, entries.count)
        nghttp2_session_set_local_window_size(self.session, 0, 0, Int32(clamping: limits.connectionWindowBytes))
    }

    private static func setting(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(clamping: value))
    }
}
