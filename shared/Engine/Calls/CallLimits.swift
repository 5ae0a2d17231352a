/// What one tool call may carry and a list may hold.
///
/// Configuration keys (`roost.engine.<name>`): the names in parentheses.
package struct CallLimits: Sendable, Hashable {
    /// Bytes of a call's argument as JSON (`max_argument_bytes`, 4 MiB); it is read into a tree, which costs several times as much.
    package var maxArgumentBytes = 4 << 20
    /// Values in a call's argument (`max_argument_values`, 200,000).
    package var maxArgumentValues = 200_000
    /// Items on one page of `tools.search` and `tools.roost.sources.list` (`max_discovery_page`, 100).
    package var maxDiscoveryPage = 100
    /// The last item that paging reaches (`max_discovery_offset`, 100,000).
    package var maxDiscoveryOffset = 100_000
    /// Paths offered where a tool was not found (`max_suggestions`, 5).
    package var maxSuggestions = 5

    package init() {}
}
