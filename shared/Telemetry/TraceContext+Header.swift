extension TraceContext: CustomStringConvertible {
    /// Reads the headers of a request; nil unless `traceparent` is exactly what W3C Trace Context, section 3.2, allows.
    ///
    /// A malformed `tracestate` is dropped and the parent kept, as section 3.3.1.3 asks for.
    package init?(traceparent: String, tracestate: String? = nil) {
        var traceparent = traceparent
        let parsed = traceparent.withUTF8 { bytes in
            TraceContext(traceparentBytes: bytes, state: tracestate.flatMap(TraceState.init(_:)))
        }
        guard let parsed else { return nil }
        self = parsed
    }

    /// Reads the bytes of a `traceparent` header where they lie, without making a string first.
    package init?(traceparentBytes bytes: UnsafeBufferPointer<UInt8>, state: TraceState? = nil) {
        let dash = UInt8(ascii: "-")
        guard bytes.count >= 55, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash else { return nil }
        guard let version = Hexadecimal.value(of: bytes[0..<2]), version != 0xFF else { return nil }
        // Version 00 has exactly these fields; a later one may add more, behind another dash, and is read as if it were 00.
        guard bytes.count == 55 || (version > 0 && bytes[55] == dash) else { return nil }
        guard
            let high = Hexadecimal.value(of: bytes[3..<19]), let low = Hexadecimal.value(of: bytes[19..<35]), high != 0 || low != 0,
            let span = Hexadecimal.value(of: bytes[36..<52]), span != 0,
            let flags = Hexadecimal.value(of: bytes[53..<55])
        else { return nil }
        self.init(traceID: TraceID(high: high, low: low), spanID: SpanID(value: span), isSampled: flags & 1 == 1, state: state)
    }

    /// The value of the `traceparent` header, always in version 00.
    package var traceparent: String {
        String(unsafeUninitializedCapacity: 55) { text in
            let dash = UInt8(ascii: "-")
            let zero = UInt8(ascii: "0")
            text[0] = zero
            text[1] = zero
            text[2] = dash
            Hexadecimal.write(self.traceID.high, to: text, at: 3)
            Hexadecimal.write(self.traceID.low, to: text, at: 19)
            text[35] = dash
            Hexadecimal.write(self.spanID.value, to: text, at: 36)
            text[52] = dash
            text[53] = zero
            text[54] = self.isSampled ? UInt8(ascii: "1") : zero
            return 55
        }
    }

    package var description: String { self.traceparent }
}
