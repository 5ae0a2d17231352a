import JSON
import Testing

@Suite("Patterns")
struct PatternTests {
    private func matches(_ source: String, _ text: String, steps: Int = 1_000_000) throws -> Bool? {
        var budget = steps
        return try Pattern(source).matches(text, budget: &budget)
    }

    @Test(
        "Patterns match as in ECMA-262",
        arguments: [
            ("", "", true), ("b", "abc", true), ("^b", "abc", false), ("c$", "abc", true), ("^$", "", true), ("^a|b$", "cb", true),
            ("^(a|b)$", "ab", false),
            ("^a*$", "aaa", true), ("^a+$", "", false), ("^a?b$", "b", true), ("^a{2}$", "aa", true), ("^a{2}$", "aaa", false),
            ("^a{2,}$", "aaaa", true),
            ("^a{1,2}$", "aaa", false), ("^a{0}$", "", true), ("^(?:ab)+?$", "abab", true), ("^a{,2}$", "a{,2}", true),
            ("^x{$", "x{", true),
            ("^.$", "\n", false), ("^.$", "😀", true), ("^..$", "😀", false), ("^[a-c]$", "b", true), ("^[^a-c]$", "b", false),
            ("^[]$", "", false), ("^[^]$", "\n", true),
            ("^[\\w-]+$", "a-b_1", true), ("^[-a]$", "-", true), ("^[a-]$", "-", true), ("^[\\]\\\\]+$", "]\\", true),
            ("^[\\b]$", "\u{8}", true),
            ("^\\d+$", "123", true), ("^\\d+$", "१", false), ("^\\D$", "१", true), ("^\\w$", "é", false), ("^\\s$", "\u{FEFF}", true),
            ("^\\S$", "a", true),
            ("\\bcat\\b", "a cat!", true), ("\\bcat\\b", "concat", false), ("\\Bcat", "concat", true),
            ("^\\u0041\\x42\\u{1F600}\\cJ$", "AB😀\n", true),
            ("^\\uD83D\\uDE00$", "😀", true), ("^\\p{L}+$", "aéя", true), ("^\\p{Letter}$", "1", false), ("^\\P{L}$", "1", true),
            ("^\\p{Lu}$", "É", true),
            ("^\\p{gc=Nd}$", "१", true), ("^[\\p{Ll}\\d]+$", "é1", true), ("^\\p{Alphabetic}$", "я", true),
            ("^\\@\\-\\_\\/$", "@-_/", true),
            ("^(?=.*\\d)(?=.*[a-z]).{4,}$", "ab1c", true), ("^(?=.*\\d)(?=.*[a-z]).{4,}$", "abcd", false),
            ("^(?!.*\\.\\.).+$", "a..b", false),
            ("^(?!.*\\.\\.).+$", "a.b", true), ("(?<=\\$)\\d+", "€5 $7", true), ("^(?<=a)b", "ab", false), ("(?<!\\$)\\b\\d", "$5", false),
            ("(?<=ab)c", "abc", true), ("(?<=ba)c", "abc", false), ("^(?<year>\\d{4})$", "2026", true), ("^a(?=b(?!c))", "abc", false),
            ("^a(?=b(?!c))", "abd", true),
            ("^(a|)$", "", true), ("^(a*)*$", "aaa", true), ("^((a|b)*c)+$", "abcbc", true),
        ])
    func matching(source: String, text: String, expected: Bool) throws { #expect(try self.matches(source, text) == expected) }

    @Test(
        "What is no pattern, or needs backtracking, is refused",
        arguments: [
            "(", ")", "(a", "[", "[a", "*", "a**", "a{2,1}", "\\", "\\1", "(a)\\1", "\\k<n>", "[b-a]", "(?i)a", "(?<n", "\\u12",
            "\\u{110000}", "\\xZ", "\\p{Nope}",
            "\\p", "\\q", "\\c1",
        ])
    func refusal(source: String) { #expect(throws: PatternError.self) { try Pattern(source) } }

    @Test(
        "Patterns that make backtracking engines hang take time in proportion to the text", .timeLimit(.minutes(1)),
        arguments: ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "^(a*)*b$", "^(([a-z])+.)+[A-Z]([a-z])+$", "^(?=(a+)+$)(a|aa)+$", "(x+x+)+y"])
    func catastrophic(source: String) throws {
        let text = String(repeating: "a", count: 2_000) + String(repeating: "x", count: 2_000) + "!"
        #expect(try self.matches(source, text, steps: 10_000_000) == false)
    }

    @Test("The budget ends a match that would take too long, and look-arounds count")
    func budget() throws {
        #expect(try self.matches("a*a*a*a*b", String(repeating: "a", count: 10_000), steps: 1_000) == nil)
        #expect(try self.matches("(?=.*(?=.*(?=.*b)))", String(repeating: "a", count: 10_000), steps: 100_000) == nil)
        var budget = 1_000
        _ = try Pattern("^abc").matches("abcdef", budget: &budget)
        #expect(budget < 1_000 && budget > 900)
    }

    @Test("A pattern anchored at the start does not read the whole text")
    func anchored() throws {
        #expect(try self.matches("^b", String(repeating: "a", count: 1_000_000), steps: 1_000) == false)
    }

    @Test(
        "Patterns that would become too large are refused quickly", .timeLimit(.minutes(1)),
        arguments: [
            "((a{1000}){1000}){1000}", "(((){1000000}){1000000}){1000000}", "a{999999999}", "(?:|){1000000}",
            String(repeating: "(", count: 100_000),
        ])
    func size(source: String) { #expect(throws: PatternError.self) { try Pattern(source) } }

    @Test("A class of many thousand ranges is searched quickly", .timeLimit(.minutes(1)))
    func largeClass() throws {
        let scalars = (0..<20_000).compactMap { Unicode.Scalar(0x4E00 + $0 * 2) }
        let source = "^[" + scalars.map { String($0) }.joined() + "]*$"
        let text = String(repeating: "\u{4E00}\u{4E02}", count: 10_000)
        #expect(try self.matches(source, text) == true)
        #expect(try self.matches(source, text + "\u{4E01}") == false)
        #expect(try self.matches(source.replacing("^[", with: "^[^"), "\u{4E01}a") == true)
    }

    @Test("Random patterns never crash and never exceed their budget by much", arguments: 0..<30 as Range<UInt64>)
    func fuzz(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let pieces = [
            "a", "b", ".", "*", "+", "?", "{2,3}", "{", "}", "(", ")", "(?=", "(?!", "(?<=", "(?<n>", "[", "]", "^", "$", "-", "|", "\\b",
            "\\d", "\\p{L}", "\\u00e9", "é", "\\",
        ]
        for _ in 0..<200 {
            let source = (0..<Int.random(in: 0..<15, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            guard let pattern = try? Pattern(source, maxInstructions: 2_000) else { continue }
            var budget = 50_000
            _ = pattern.matches(random.string() + "aabab", budget: &budget)
            #expect(budget > -100_000)
        }
    }
}
