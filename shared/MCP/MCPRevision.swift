/// A revision of the Model Context Protocol, in the order in which they were published.
///
/// What differs between revisions for what Roost sends is asked for by name (``hasStructuredContent`` …), so that no other file compares
/// revisions.
package enum MCPRevision: String, Sendable, Hashable, CaseIterable, Comparable {
    /// The first; its own transport is not served, but it can be negotiated over streamable HTTP.
    case november2024 = "2024-11-05"
    /// Brought streamable HTTP, and batches, which Roost refuses.
    case march2025 = "2025-03-26"
    /// Brought structured content and took batches away.
    case june2025 = "2025-06-18"
    /// The last one with sessions.
    case november2025 = "2025-11-25"
    /// The first without sessions. Known, so that its requests get the answer on which its clients fall back; not served yet.
    case july2026 = "2026-07-28"

    /// The newest revision that `initialize` can negotiate; the answer to a client that asks for one that is not served.
    package static let newestWithSessions = MCPRevision.november2025

    /// The revisions that are served, newest first, as told to a client that named another.
    package static let served: [MCPRevision] = MCPRevision.allCases.filter(\.hasSessions).sorted(by: >)

    /// Whether the revision works by `initialize` and sessions.
    package var hasSessions: Bool { self < .july2026 }

    /// The revision of a new session whose client asked for `requested`: that one if it has sessions, else the newest that has.
    package static func negotiated(for requested: String) -> MCPRevision {
        guard let revision = MCPRevision(rawValue: requested), revision.hasSessions else { return .newestWithSessions }
        return revision
    }

    /// Whether tools carry annotations and progress carries a message.
    package var hasToolAnnotations: Bool { self >= .march2025 }

    /// Whether results carry structured content, tools an output schema, and things a title beside their name.
    package var hasStructuredContent: Bool { self >= .june2025 }

    /// Whether arguments that do not fit a tool's schema are reported to the model as the tool's result instead of as a protocol error.
    package var reportsInvalidArgumentsAsResult: Bool { self >= .november2025 }

    /// Whether an implementation describes itself beyond name, title and version.
    package var hasImplementationDescription: Bool { self >= .november2025 }

    /// Whether events of a stream carry ids, with which a client that lost the stream comes back.
    package var hasEventIDs: Bool { self >= .march2025 }

    /// Whether a stream begins with an event that has an id and no data, so that its client can come back from the start, and says before
    /// it is closed on purpose when to. Clients of earlier revisions take an event without data for a broken message.
    package var hasPollingStreams: Bool { self >= .november2025 }

    package static func < (left: MCPRevision, right: MCPRevision) -> Bool { left.rawValue < right.rawValue }
}
