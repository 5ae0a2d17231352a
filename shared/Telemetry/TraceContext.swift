/// The position of one operation in a distributed trace, as W3C Trace Context (level 1) carries it from process to process.
///
/// It is a plain value: whoever starts an operation makes a ``child()`` of what it was given and hands that on.
package struct TraceContext: Sendable, Hashable {
    /// The identifier shared by everything in one trace: 128 bits, never all zero.
    package struct TraceID: Sendable, Hashable, CustomStringConvertible {
        let high: UInt64
        let low: UInt64

        /// The identifier as 32 lower-case hexadecimal digits.
        package var description: String { Hexadecimal.text(of: self.high) + Hexadecimal.text(of: self.low) }
    }

    /// The identifier of one operation inside a trace: 64 bits, never zero.
    package struct SpanID: Sendable, Hashable, CustomStringConvertible {
        let value: UInt64

        /// The identifier as 16 lower-case hexadecimal digits.
        package var description: String { Hexadecimal.text(of: self.value) }
    }

    /// The trace that the operation belongs to.
    package let traceID: TraceID
    /// The operation itself; what is sent on names it as the parent.
    package let spanID: SpanID
    /// Whether the caller records this trace. The only flag that level 1 defines; unknown flags are not passed on.
    package let isSampled: Bool
    /// What tracing systems along the way want to have carried, in the form of the `tracestate` header; nil when there is nothing.
    package let state: TraceState?

    init(traceID: TraceID, spanID: SpanID, isSampled: Bool, state: TraceState?) {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
        self.state = state
    }

    /// Starts a new trace.
    package static func root(isSampled: Bool = true) -> TraceContext {
        var generator = TraceRandom()
        return self.root(isSampled: isSampled, using: &generator)
    }

    /// Starts a new trace with identifiers from the given source, for tests that need the same ones every time.
    package static func root(isSampled: Bool = true, using generator: inout some RandomNumberGenerator) -> TraceContext {
        // The low half alone is kept off zero: level 2 asks for randomness in the right-most 56 bits, and it makes the whole non-zero.
        let traceID = TraceID(high: generator.next(), low: UInt64.random(in: 1...UInt64.max, using: &generator))
        let spanID = SpanID(value: UInt64.random(in: 1...UInt64.max, using: &generator))
        return TraceContext(traceID: traceID, spanID: spanID, isSampled: isSampled, state: nil)
    }

    /// Makes the context of an operation that this one starts: same trace, flags and state, a new span.
    package func child() -> TraceContext {
        var generator = TraceRandom()
        return self.child(using: &generator)
    }

    /// Makes a child with an identifier from the given source, for tests that need the same one every time.
    package func child(using generator: inout some RandomNumberGenerator) -> TraceContext {
        let spanID = SpanID(value: UInt64.random(in: 1...UInt64.max, using: &generator))
        return TraceContext(traceID: self.traceID, spanID: spanID, isSampled: self.isSampled, state: self.state)
    }

    /// The same operation with other state, for transports that learn the state after the parent.
    package func with(state: TraceState?) -> TraceContext {
        TraceContext(traceID: self.traceID, spanID: self.spanID, isSampled: self.isSampled, state: state)
    }
}
