package import JSON

/// The bounds of what is read from a client and kept for it.
package struct MCPLimits: Sendable, Hashable {
    /// How large the body of one POST may be. Programs are text; 4 MiB is a long book.
    package var maxMessageBytes = 4 << 20
    /// How deep a message may nest.
    package var maxDepth = 64
    /// How long the name of a method may be, in bytes of JSON.
    package var maxMethodBytes = 256
    /// How large `clientInfo` and `capabilities` may each be, because they are stored with the session and kept in memory.
    package var maxClientDescriptionBytes = 4 << 10
    /// How many calls one session may have in flight; what comes beyond is refused.
    package var maxCallsInFlight = 32

    package init() {}

    /// The same bounds for the reader of JSON.
    package var json: JSONLimits { JSONLimits(maxBytes: self.maxMessageBytes, maxDepth: self.maxDepth) }
}
