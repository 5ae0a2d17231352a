import Model
import Testing

@testable import Catalog

@Suite("Ranking by the words that tools have", .timeLimit(.minutes(1)))
struct ToolRankingTests {
    private static let place = ToolRanking.Place(integration: SearchWords("pet-shop"), prefix: SearchWords("pet-shop.org.main"))

    @Test("What is looked at is what gets points, whatever is asked", arguments: 0..<200)
    func candidates(seed: Int) throws {
        var random = Seeded(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
        let words = ["list", "lists", "pet", "pets", "create", "order", "in", "main", "org", "shop", "status", "a", "x1", "listing"]
        func text(_ count: ClosedRange<Int>, _ separator: String) -> String {
            (0..<Int.random(in: count, using: &random)).map { _ in words[Int.random(in: words.indices, using: &random)] }
                .joined(separator: separator)
        }
        let list = ToolList(
            tools: (0..<60).map { ToolEntry(name: text(1...3, ".") + ".\($0)", description: text(0...6, " "), effect: .read) })
        let query = text(1...6, " ")
        let ranking = try #require(ToolRanking(query, maxWords: 16))
        let fit = ranking.fit(list, at: Self.place)
        let candidates = ranking.candidates(in: list, fit)
        #expect(Set(candidates).count == candidates.count)
        let scored = list.tools.indices.filter { ranking.score($0, of: list, fit) != nil }
        #expect(Set(scored).isSubset(of: candidates), "\(query)")
        // Whatever the words, a text that holds the query as a whole is found.
        let phrase = SearchWords(query).phrase
        for (position, tool) in list.tools.enumerated() {
            let path = SearchWords("pet-shop.org.main.\(tool.name)").phrase
            guard path.contains(phrase) || SearchWords(tool.description).phrase.contains(phrase) else { continue }
            #expect(scored.contains(position), "\(query) in \(tool.name): \(tool.description)")
        }
    }

    @Test("A query that begins in the place and ends in the name counts as within the path")
    func border() throws {
        let list = ToolList(tools: [ToolEntry(name: "create.order", description: "", effect: .write)])
        func points(_ query: String) throws -> Double? {
            let ranking = try #require(ToolRanking(query, maxWords: 16))
            return ranking.score(0, of: list, ranking.fit(list, at: Self.place))
        }
        // Path only for the first word, path and name for the second; the query within the path; all words found.
        #expect(try points("main create") == Double(4 * 12 + (4 * 12 + 4 * 10) + 6 * 12 + 25))
        // The whole path.
        let whole = try #require(try points("pet shop org main create order"))
        let beginning = try #require(try points("pet shop org main create"))
        #expect(whole > beginning)
    }
}

/// Numbers that are the same in every run.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return self.state
    }
}
