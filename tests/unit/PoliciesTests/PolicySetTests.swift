import Model
import Policies
import Testing

@Suite struct PolicySetTests {
    private func policy(_ pattern: String, _ action: PolicyAction) -> Policy {
        Policy(id: PolicyID(), pattern: pattern, action: action, createdAt: .now())
    }

    private func address(_ text: String) throws -> ToolAddress { try #require(ToolAddress(text)) }

    @Test("Without a policy reads are allowed and writes require approval")
    func defaults() throws {
        let tool = try self.address("github.org.main.ping")
        #expect(PolicySet.empty.decision(for: tool, effect: .read) == PolicyDecision(defaultFor: .read))
        #expect(PolicySet.empty.decision(for: tool, effect: .read).action == .allow)
        #expect(PolicySet.empty.decision(for: tool, effect: .write).action == .requireApproval)
        #expect(PolicySet.empty.isVisible(tool))
    }

    @Test("One matching policy replaces the default, whichever way it goes", arguments: PolicyAction.allCases, ToolEffect.allCases)
    func oneMatch(action: PolicyAction, effect: ToolEffect) throws {
        let rule = self.policy("github.*", action)
        let decision = try PolicySet([rule]).decision(for: try self.address("github.org.main.ping"), effect: effect)
        #expect(decision.action == action)
        #expect(decision.reason == .policy(rule))
        #expect(decision.isVisible == (action != .block))
    }

    @Test("Of several matching policies the most restrictive wins, in every order", arguments: [0, 1, 2, 3, 4, 5])
    func mostRestrictive(order: Int) throws {
        var rules = [
            self.policy("*", .allow), self.policy("github.org.main.issues.create", .requireApproval), self.policy("github.*", .block),
        ]
        rules.rotate(by: order % 3)
        if order > 2 { rules.reverse() }
        let set = try PolicySet(rules)
        let decision = set.decision(for: try self.address("github.org.main.issues.create"), effect: .read)
        #expect(decision.action == .block)
        guard case .policy(let decided) = decision.reason else {
            Issue.record("a policy decides")
            return
        }
        #expect(decided.pattern == "github.*")
        #expect(set.decision(for: try self.address("linear.org.main.x"), effect: .write).action == .allow)
    }

    @Test("Among equally restrictive policies the oldest is named")
    func ties() throws {
        let rules = (0..<20).map { _ in self.policy("github.*", .block) }
        let oldest = try #require(rules.map(\.id).min())
        let decision = try PolicySet(rules.shuffled()).decision(for: try self.address("github.org.main.x"), effect: .read)
        guard case .policy(let decided) = decision.reason else {
            Issue.record("a policy decides")
            return
        }
        #expect(decided.id == oldest)
    }

    @Test("A rule that cannot be read refuses the whole set and names the rule")
    func unreadable() throws {
        let bad = self.policy("git*", .block)
        let error = #expect(throws: PolicyError.self) { try PolicySet([self.policy("*", .allow), bad]) }
        #expect(error?.message.contains(bad.id.rawValue) == true)
    }

    @Test("The compiled set decides as the patterns one by one would, on random rules and addresses", arguments: 0..<20)
    func agreesWithPatterns(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
        let names = ["a", "b", "c"]
        func name() -> String { names.randomElement(using: &generator) ?? "a" }
        func owner() -> String { Bool.random(using: &generator) ? "org" : "user" }
        func star(_ text: String) -> String { Int.random(in: 0..<3, using: &generator) == 0 ? "*" : text }
        var rules: [Policy] = []
        for _ in 0..<60 {
            var parts = [name(), star(owner()), star(name())]
            for _ in 0..<Int.random(in: 1...3, using: &generator) { parts.append(star(name())) }
            rules.append(self.policy(parts.joined(separator: "."), try #require(PolicyAction.allCases.randomElement(using: &generator))))
        }
        let set = try PolicySet(rules)
        let patterns = try rules.map { (try PolicyPattern($0.pattern), $0.action) }
        for _ in 0..<300 {
            let tool = (0..<Int.random(in: 1...4, using: &generator)).map { _ in name() }.joined(separator: ".")
            let address = try self.address("\(name()).\(owner()).\(name()).\(tool)")
            let expected = patterns.filter { $0.0.matches(address) }.map(\.1).max() ?? .requireApproval
            #expect(set.decision(for: address, effect: .write).action == expected)
        }
    }

    @Test("Ten thousand rules decide ten thousand times without a scan of all rules")
    func manyRules() throws {
        let rules = (0..<10_000).map { self.policy("api\($0 % 100).*.c\($0 / 100).group.op\($0)", .block) }
        let set = try PolicySet(rules)
        #expect(set.count == 10_000)
        let tool = try self.address("api7.org.c7.group.op707")
        let elapsed = ContinuousClock().measure {
            for _ in 0..<10_000 where set.isVisible(tool) { Issue.record("blocked") }
        }
        #expect(elapsed < .seconds(5))
    }
}

/// A small repeatable generator (xorshift64*), so that a failing case can be run again.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state ^= self.state >> 12
        self.state ^= self.state << 25
        self.state ^= self.state >> 27
        return self.state &* 0x2545_F491_4F6C_DD1D
    }
}

extension Array {
    fileprivate mutating func rotate(by count: Int) { self = Array(self[count...] + self[..<count]) }
}
