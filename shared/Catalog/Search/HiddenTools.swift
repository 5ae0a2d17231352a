import Model
import Policies

/// Which tools of a list are blocked at one connection.
///
/// A pattern is looked up in the names, which are in order, instead of every tool that was found among the patterns: with one rule for
/// one tool that costs seventeen comparisons, and asking the rules about half of 100,000 tools some ten milliseconds.
struct HiddenTools {
    /// Nothing is blocked here.
    let isEmpty: Bool
    private var isEverything = false
    /// Apart from each other and in order.
    private var ranges: [Range<Int>] = []
    /// The first range that does not end before what was asked last.
    private var nextRange = 0
    /// Those with `*` in the middle of the tool's name, for which each tool is asked.
    private var others: [PolicyPattern] = []
    private let address: (Int) -> ToolAddress
    private let policies: PolicySet?

    /// - Parameter address: the address of the tool at a position.
    init(
        in list: ToolList, integration: String, owner: ToolAddress.Owner, connection: String, policies: PolicySet,
        address: @escaping (Int) -> ToolAddress
    ) {
        self.address = address
        let patterns = policies.blocks(integration: integration, owner: owner, connection: connection)
        self.isEmpty = patterns.isEmpty
        // Where equal names can be spelled with different bytes the rules themselves are asked.
        self.policies = list.hasPlainNames ? nil : policies
        guard self.policies == nil else { return }
        for pattern in patterns { self.add(pattern, list) }
        self.ranges = self.ranges.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { merged, range in
            if let last = merged.last, range.lowerBound <= last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
    }

    /// Whether a tool is blocked. To be asked in the order of positions.
    mutating func contains(_ position: Int) -> Bool {
        if self.isEmpty { return false }
        if let policies { return !policies.isVisible(self.address(position)) }
        if self.isEverything { return true }
        while self.nextRange < self.ranges.count, self.ranges[self.nextRange].upperBound <= position { self.nextRange += 1 }
        if self.nextRange < self.ranges.count, self.ranges[self.nextRange].contains(position) { return true }
        guard !self.others.isEmpty else { return false }
        let address = self.address(position)
        return self.others.contains { $0.matches(address) }
    }

    private mutating func add(_ pattern: PolicyPattern, _ list: ToolList) {
        let segments = pattern.segments.dropFirst(3)
        if segments.isEmpty, pattern.coversSubtree {
            self.isEverything = true
            return
        }
        var literals: [String] = []
        for case .literal(let text) in segments { literals.append(text) }
        guard literals.count == segments.count else {
            self.others.append(pattern)
            return
        }
        let name = Array(literals.joined(separator: ".").utf8)
        // What is below `a.b` begins with `a.b.`, and what comes behind all of that is not before `a.b/`.
        let bounds = pattern.coversSubtree ? (name + [UInt8(ascii: ".")], name + [UInt8(ascii: "/")]) : (name, name + [0])
        let range = list.firstPosition(notBefore: bounds.0)..<list.firstPosition(notBefore: bounds.1)
        if !range.isEmpty { self.ranges.append(range) }
    }
}
