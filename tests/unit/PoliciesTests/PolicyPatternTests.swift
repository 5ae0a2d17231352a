import Model
import Policies
import Testing

@Suite struct PolicyPatternTests {
    @Test(
        "A pattern covers what its grammar says and nothing else",
        arguments: [
            ("github.org.main.issues.create", "github.org.main.issues.create", true),
            ("github.org.main.issues.create", "github.org.main.issues.createMany", false),
            ("github.org.main.issues.create", "github.org.main.issues.create.draft", false),
            ("tools.github.org.main.issues.create", "github.org.main.issues.create", true),
            ("*", "github.org.main.issues.create", true),
            ("github.*", "github.user.mine.ping", true),
            ("github.*", "githubber.user.mine.ping", false),
            ("github.org.*", "github.user.mine.ping", false),
            ("github.org.main.issues.*", "github.org.main.issues.create", true),
            ("github.org.main.issues.*", "github.org.main.issues.comments.create", true),
            ("github.org.main.issues.*", "github.org.main.issues", false),
            ("github.org.main.issues.*", "github.org.main.issuesearch", false),
            ("github.*.*.issues.create", "github.user.mine.issues.create", true),
            ("github.*.*.issues.create", "github.user.mine.other.issues.create", false),
            ("github.org.*.ping", "github.org.second.ping", true),
            ("github.*.*.issues.*", "github.org.main.issues.a.b.c", true),
            ("github.org.main.*.create", "github.org.main.issues.create", true),
            ("github.org.main.*.create", "github.org.main.create", false),
        ])
    func matching(pattern: String, address: String, isMatch: Bool) throws {
        let address = try #require(ToolAddress(address))
        #expect(try PolicyPattern(pattern).matches(address) == isMatch)
        let policy = Policy(id: PolicyID(), pattern: pattern, action: .block, createdAt: .now())
        #expect(try PolicySet([policy]).isVisible(address) == !isMatch, "the compiled set agrees")
    }

    @Test(
        "Text that is no pattern is refused",
        arguments: [
            "", ".", "github.", ".github", "github..issues", "git*", "github.org.main.issue*", "*.org.main.ping", "*.*", "**", "git hub.*",
            "github.\u{7}.*", "github.\u{a0}.*", String(repeating: "a", count: 511) + ".*",
            Array(repeating: "a", count: 33).joined(separator: "."),
        ])
    func malformed(text: String) {
        #expect { try PolicyPattern(text) } throws: { ($0 as? PolicyError)?.code == .malformedPattern }
    }

    @Test(
        "A pattern that no address can match is refused and says what to write",
        arguments: [
            ("github", "`github.*`"),
            ("github.issues.create", "`github.*.*.issues.create`"),
            ("github.issues.*", "`github.*.*.issues.*`"),
            ("github.issues.comments.create", "`github.*.*.issues.comments.create`"),
            ("github.org.main", "`github.org.main.*`"),
            ("github.*.main", "`github.*.main.*`"),
        ])
    func unmatchable(text: String, suggestion: String) throws {
        let error = #expect(throws: PolicyError.self) { try PolicyPattern(text) }
        #expect(error?.code == .unmatchablePattern)
        #expect(error?.message.contains(suggestion) == true)
        let suggested = suggestion.filter { $0 != "`" }
        #expect(throws: Never.self) { try PolicyPattern(suggested) }
    }

    @Test("A pattern prints in its canonical spelling and reads back equal", arguments: ["*", "github.*", "a.*.b.c.*", "a.org.b.c"])
    func canonicalSpelling(text: String) throws {
        let pattern = try PolicyPattern("tools." + text)
        #expect(pattern.description == text)
        #expect(try PolicyPattern(pattern.description) == pattern)
    }

    @Test("An address is a pattern for itself alone")
    func addressAsPattern() throws {
        let address = try #require(ToolAddress("github.org.main.issues.create"))
        #expect(try PolicyPattern(address) == PolicyPattern(address.description))
        #expect(PolicyPattern(address).matches(address))
    }
}
