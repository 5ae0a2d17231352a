/// Gives every operation of a document its tool name `group.leaf`.
///
/// Names are the keys of policies and stand in agents' programs, so they depend on nothing but the operations themselves: not on their
/// order, not on the process, and with `keeping` not even on what was added to the document since.
///
/// - The group is the first tag, else the first path segment that is no version, no `api` and no parameter, else `root`.
/// - The leaf is the operation id without the group in front, else the method and the path's segments.
/// - Names that several operations have get the path's version as a segment, where that is not enough the method as a suffix, and
///   where that is not enough a hash of method, path and operation id.
struct ToolNaming {
    /// What names are made from.
    struct Operation: Sendable, Hashable {
        let method: String
        let path: String
        var operationID: String?
        var tag: String?

        /// What identifies the operation from one version of a document to the next.
        var key: String { "\(self.method) \(self.path)" }
    }

    private struct Candidate {
        let operation: Operation
        let group: String
        let leaf: String
        let version: String?
        var name: String
    }

    private let maxCharacters: Int

    init(maxCharacters: Int) { self.maxCharacters = maxCharacters }

    /// The names, in the operations' order and each once.
    ///
    /// - Parameter keeping: Names given at an earlier time, by operation key; an operation found there keeps its name.
    func names(of operations: [Operation], keeping: [String: String] = [:]) -> [String] {
        var candidates = operations.map { self.candidate(for: $0) }
        var settled = Set<Int>()
        var taken = Set<String>()
        for index in candidates.indices {
            guard let name = keeping[candidates[index].operation.key], taken.insert(name).inserted else { continue }
            candidates[index].name = name
            settled.insert(index)
        }
        for round in 0..<3 {
            var owners: [String: [Int]] = [:]
            for index in candidates.indices { owners[candidates[index].name, default: []].append(index) }
            for indices in owners.values where indices.count > 1 {
                for index in indices where !settled.contains(index) {
                    candidates[index].name = self.name(of: candidates[index], round: round)
                }
            }
        }
        return self.withoutRemainingClashes(candidates.map(\.name), settled: settled)
    }

    /// The tag, path segments and operation id that decide, before any collision.
    private func candidate(for operation: Operation) -> Candidate {
        let segments = operation.path.split(whereSeparator: { $0 == "/" || $0 == "#" || $0 == "?" }).map(String.init)
        let version = segments.first(where: Self.isVersion)
        let meaningful = segments.filter { !Self.isVersion($0) && $0.lowercased() != "api" }
        var group = NameWords(operation.tag ?? "")
        if group.isEmpty { group = NameWords(meaningful.first { !$0.contains("{") } ?? "") }
        if group.isEmpty { group = NameWords("root") }
        var leaf = NameWords(operation.operationID ?? "").dropping(prefix: group)
        if leaf.isEmpty || leaf == group {
            leaf = meaningful.reduce(NameWords(operation.method.lowercased())) { words, segment in
                words + NameWords(segment.contains("{") ? "by \(segment)" : segment)
            }
        }
        let names = (group: self.callable(group.camelCase, maxCharacters / 3), leaf: self.callable(leaf.camelCase, maxCharacters / 2))
        return Candidate(
            operation: operation, group: names.group, leaf: names.leaf, version: version.map { NameWords($0).camelCase },
            name: "\(names.group).\(names.leaf)")
    }

    private func name(of candidate: Candidate, round: Int) -> String {
        let group = candidate.version.map { "\(candidate.group).\($0)" } ?? candidate.group
        if round == 0 { return "\(group).\(candidate.leaf)" }
        let method = candidate.operation.method.lowercased()
        let leaf = candidate.leaf + method.prefix(1).uppercased() + method.dropFirst()
        if round == 1 { return "\(group).\(leaf)" }
        return "\(group).\(leaf)_\(Self.hash(candidate.operation, digits: 8))"
    }

    /// Thirty-two bits clash once in tens of thousands of like-named operations; then, and when a kept name is in the way, a number decides.
    private func withoutRemainingClashes(_ names: [String], settled: Set<Int>) -> [String] {
        var names = names
        var taken = Set(settled.map { names[$0] })
        // Numbers go on where the last like name stopped: a document can be written to have thousands of them.
        var next: [String: Int] = [:]
        for index in names.indices where !settled.contains(index) {
            let base = names[index]
            while !taken.insert(names[index]).inserted {
                let number = next[base, default: 2]
                next[base] = number + 1
                names[index] = "\(base)_\(number)"
            }
        }
        return names
    }

    /// A `then` would make the object that holds it look like a promise to the language, which is why `tools` cannot reach it.
    private func callable(_ name: String, _ maxCharacters: Int) -> String {
        name == "then" ? "then_" : StableHash.bounded(name, to: maxCharacters)
    }

    private static func hash(_ operation: Operation, digits: Int) -> String {
        StableHash.text([operation.method, operation.path, operation.operationID ?? ""], digits: digits)
    }

    /// `v1`, `v2.0`; also `v1beta1`, as the APIs of one large vendor are versioned.
    static func isVersion(_ segment: String) -> Bool {
        var rest = segment.lowercased().utf8[...]
        guard rest.popFirst() == UInt8(ascii: "v") else { return false }
        let major = rest.prefix(while: \.isDigit)
        rest = rest.dropFirst(major.count)
        if rest.first == UInt8(ascii: ".") { rest = rest.dropFirst().drop(while: \.isDigit) }
        for stage in ["alpha", "beta"] where rest.starts(with: stage.utf8) {
            rest = rest.dropFirst(stage.utf8.count).drop(while: \.isDigit)
        }
        return !major.isEmpty && rest.isEmpty
    }
}
