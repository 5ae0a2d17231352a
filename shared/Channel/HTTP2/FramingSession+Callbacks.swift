import CNGHTTP2

extension FramingSession {
    /// Makes an nghttp2 session with our options and callbacks; nil when memory is short.
    static func makeSession(role: Role, limits: ChannelLimits) -> OpaquePointer? {
        var callbacks: OpaquePointer?
        var options: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0, nghttp2_option_new(&options) == 0 else { return nil }
        defer {
            nghttp2_session_callbacks_del(callbacks)
            nghttp2_option_del(options)
        }
        self.setOptions(options, limits: limits)
        self.setInboundCallbacks(callbacks)
        self.setOutboundCallbacks(callbacks)
        var session: OpaquePointer?
        let result =
            switch role {
            case .client: nghttp2_session_client_new2(&session, callbacks, nil, options)
            case .server: nghttp2_session_server_new2(&session, callbacks, nil, options)
            }
        return result == 0 ? session : nil
    }

    private static func setOptions(_ options: OpaquePointer?, limits: ChannelLimits) {
        nghttp2_option_set_no_auto_window_update(options, 1)
        nghttp2_option_set_no_closed_streams(options, 1)
        // Rapid reset: all streams of a connection may go at once, and as many again every second.
        let streams = UInt64(clamping: limits.maxStreamsPerConnection)
        nghttp2_option_set_stream_reset_rate_limit(options, streams, streams)
        // CONTINUATION flood; our own heads of up to 64 KiB need four frames.
        nghttp2_option_set_max_continuations(options, 8)
        // PING and SETTINGS floods: answers that the peer does not read.
        nghttp2_option_set_max_outbound_ack(options, 1_000)
        nghttp2_option_set_max_settings(options, 32)
        nghttp2_option_set_max_send_header_block_length(options, 2 * limits.maxHeaderBytes)
    }

    private static func setInboundCallbacks(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, _, userData in
            FramingSession.delegate(userData).framingHeadBegan()
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) { _, _, name, nameCount, value, valueCount, _, userData in
            FramingSession.delegate(userData).framingHeadField(
                name: UnsafeBufferPointer(start: name, count: nameCount), value: UnsafeBufferPointer(start: value, count: valueCount))
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, userData in
            guard let frame else { return 0 }
            FramingSession.received(frame.pointee, delegate: FramingSession.delegate(userData))
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { session, _, stream, start, count, userData in
            // The connection's window is for everybody and is given back at once; only the stream's waits for its consumer, so that a
            // consumer who stands still holds up nobody else. Memory is bounded by streams times the stream's window.
            nghttp2_session_consume_connection(session, count)
            FramingSession.delegate(userData).framingReceived(
                stream: stream, bytes: UnsafeBufferPointer(start: start, count: count))
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, userData in
            FramingSession.delegate(userData).framingClosed(stream: stream, code: StreamCode(rawValue: code))
            return 0
        }
    }

    private static func setOutboundCallbacks(_ callbacks: OpaquePointer?) {
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, userData in
            guard let frame else { return 0 }
            let header = frame.pointee.hd
            let isHead = UInt32(header.type) == NGHTTP2_HEADERS.rawValue
            guard isHead || UInt32(header.type) == NGHTTP2_DATA.rawValue else { return 0 }
            let delegate = FramingSession.delegate(userData)
            if isHead, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST { delegate.framingSentRequest(stream: header.stream_id) }
            if UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0 { delegate.framingSentEnd(stream: header.stream_id) }
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, userData in
            // A request that the connection takes no more, because a GOAWAY came while it was queued: nobody has seen it.
            guard let header = frame?.pointee.hd, UInt32(header.type) == NGHTTP2_HEADERS.rawValue,
                frame?.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
            else { return 0 }
            FramingSession.delegate(userData).framingClosed(stream: header.stream_id, code: .refusedStream)
            return 0
        }
    }

    private static func received(_ frame: nghttp2_frame, delegate: any FramingDelegate) {
        let header = frame.hd
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue:
            delegate.framingHeadEnded(stream: header.stream_id, isRequest: frame.headers.cat == NGHTTP2_HCAT_REQUEST)
            if UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0 { delegate.framingReceivedEnd(stream: header.stream_id) }
        case NGHTTP2_DATA.rawValue:
            if UInt32(header.flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0 { delegate.framingReceivedEnd(stream: header.stream_id) }
        case NGHTTP2_SETTINGS.rawValue where UInt32(header.flags) & NGHTTP2_FLAG_ACK.rawValue == 0:
            delegate.framingSettings(nonce: self.nonce(in: frame.settings))
        case NGHTTP2_PING.rawValue where UInt32(header.flags) & NGHTTP2_FLAG_ACK.rawValue != 0:
            delegate.framingPong(payload: withUnsafeBytes(of: frame.ping.opaque_data) { $0.loadUnaligned(as: UInt64.self) })
        case NGHTTP2_GOAWAY.rawValue:
            delegate.framingGoAway()
        default: break
        }
    }

    private static func nonce(in settings: nghttp2_settings) -> ConnectionNonce? {
        var words: [UInt32] = []
        for entry in UnsafeBufferPointer(start: settings.iv, count: settings.niv)
        where entry.settings_id == Self.firstNonceSetting + Int32(words.count) && words.count < ConnectionNonce.byteCount / 4 {
            words.append(entry.value)
        }
        return words.count == ConnectionNonce.byteCount / 4 ? ConnectionNonce(words: words) : nil
    }

    private static func delegate(_ userData: UnsafeMutableRawPointer?) -> any FramingDelegate {
        guard let userData else { preconditionFailure("nghttp2 was given no user data.") }
        return Unmanaged<FramingSession>.fromOpaque(userData).takeUnretainedValue().delegate
    }

    /// How nghttp2 asks for body bytes.
    static var dataProvider: nghttp2_data_provider {
        var provider = nghttp2_data_provider()
        provider.read_callback = { _, stream, buffer, count, flags, _, userData in
            let target = UnsafeMutableBufferPointer(start: buffer, count: count)
            switch FramingSession.delegate(userData).framingPull(stream: stream, into: target) {
            case .bytes(let count): return count
            case .last(let count):
                flags?.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
                return count
            case .starved: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
            case .failed: return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
            }
        }
        return provider
    }
}
