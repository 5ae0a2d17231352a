package import Model

/// All policies of one organization, compiled: an immutable trie over the segments of tool addresses.
///
/// A decision visits only the branches that the address can take, so it costs about the same with ten rules as with ten thousand.
/// A matching policy replaces the default of the tool's effect; of several, the most restrictive wins.
package struct PolicySet: Sendable {
    /// One position in the trie. Children are indices into ``nodes``, so that the whole set is one array without references.
    private struct Node {
        var literals: [String: Int] = [:]
        var wildcard: Int?
        /// The rule that decides for the address that ends here.
        var exact: Policy?
        /// The rule that decides for every address that goes on from here.
        var subtree: Policy?
    }

    private var nodes: [Node] = [Node()]

    /// How many policies were compiled.
    package let count: Int

    /// The set of an organization without policies: defaults only.
    package static let empty = PolicySet()

    /// Whether any policy blocks: without one everything is visible, which search asks of every tool that it finds.
    private var holdsBlock: Bool { !self.blocks.isEmpty }

    /// The patterns of the policies that block.
    private var blocks: [PolicyPattern] = []

    private init() { self.count = 0 }

    /// Compiles policies.
    ///
    /// - Throws: ``PolicyError`` when one has a pattern that cannot be read. Nothing is decided by the rest then: a rule that was
    ///   meant to block would silently be missing.
    package init(_ policies: [Policy]) throws(PolicyError) {
        self.count = policies.count
        for policy in policies {
            do {
                let pattern = try PolicyPattern(policy.pattern)
                self.insert(policy, pattern)
                if policy.action == .block { self.blocks.append(pattern) }
            } catch {
                throw PolicyError(code: error.code, message: "Policy \(policy.id) cannot be applied. \(error.message)")
            }
        }
    }

    /// What happens to calls of the tool at `address`.
    package func decision(for address: ToolAddress, effect: ToolEffect) -> PolicyDecision {
        guard let policy = self.decidingPolicy(for: address) else { return PolicyDecision(defaultFor: effect) }
        return PolicyDecision(policy: policy)
    }

    /// Whether no policy blocks the tool at `address`. Defaults never block, so the effect need not be known.
    package func isVisible(_ address: ToolAddress) -> Bool {
        !self.holdsBlock || self.decidingPolicy(for: address)?.action != .block
    }

    /// The patterns of those policies that may block tools of a connection: a tool is visible when none of them matches it, since
    /// nothing is more restrictive than a block.
    package func blocks(integration: String, owner: ToolAddress.Owner, connection: String) -> [PolicyPattern] {
        self.blocks.filter { pattern in
            zip(pattern.segments, [integration, owner.rawValue, connection]).allSatisfy { segment, part in
                switch segment {
                case .any: true
                case .literal(let text): text == part
                }
            }
        }
    }

    // MARK: Trie

    private func decidingPolicy(for address: ToolAddress) -> Policy? {
        if self.count == 0 { return nil }
        var segments = [address.integration, address.owner.rawValue, address.connection]
        segments.append(contentsOf: address.tool.split(separator: ".").lazy.map(String.init))
        var deciding: Policy?
        self.visit(0, segments[...], &deciding)
        return deciding
    }

    /// Each node has one path from the root, so a decision never visits a node twice; the depth is bounded by the pattern's.
    private func visit(_ index: Int, _ rest: ArraySlice<String>, _ deciding: inout Policy?) {
        let node = self.nodes[index]
        guard let segment = rest.first else {
            Self.keep(node.exact, over: &deciding)
            return
        }
        Self.keep(node.subtree, over: &deciding)
        if let next = node.literals[segment] { self.visit(next, rest.dropFirst(), &deciding) }
        if let next = node.wildcard { self.visit(next, rest.dropFirst(), &deciding) }
    }

    private mutating func insert(_ policy: Policy, _ pattern: PolicyPattern) {
        var index = 0
        for segment in pattern.segments { index = self.child(of: index, for: segment) }
        if pattern.coversSubtree {
            Self.keep(policy, over: &self.nodes[index].subtree)
        } else {
            Self.keep(policy, over: &self.nodes[index].exact)
        }
    }

    private mutating func child(of index: Int, for segment: PolicyPattern.Segment) -> Int {
        switch segment {
        case .literal(let text):
            if let existing = self.nodes[index].literals[text] { return existing }
            self.nodes.append(Node())
            self.nodes[index].literals[text] = self.nodes.count - 1
        case .any:
            if let existing = self.nodes[index].wildcard { return existing }
            self.nodes.append(Node())
            self.nodes[index].wildcard = self.nodes.count - 1
        }
        return self.nodes.count - 1
    }

    /// Keeps the more restrictive of two rules, the older of equals (identifiers sort by time), so that the order of rows never shows.
    private static func keep(_ candidate: Policy?, over current: inout Policy?) {
        guard let candidate else { return }
        guard let held = current else {
            current = candidate
            return
        }
        if candidate.action > held.action || (candidate.action == held.action && candidate.id < held.id) { current = candidate }
    }
}
