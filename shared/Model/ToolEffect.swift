/// Whether calling a tool may change something, which decides its default policy: reads are allowed, writes require approval.
package enum ToolEffect: String, Sendable, Hashable, CaseIterable {
    /// Safe in the sense of RFC 9110, section 9.2.1.
    case read
    /// Everything else, and everything that is not known to be safe.
    case write
}
