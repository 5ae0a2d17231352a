import Model
import Testing

@testable import Catalog

@Suite("Ranking by the words that tools have")
struct ToolRankingTests {
    private static let place = ToolRanking.Place(integration: SearchWords("pet-shop"), prefix: SearchWords("pet-shop.org.main"))

    private static func hits(_ query: String, in list: ToolList) throws -> [Int: Double] {
        let ranking = try #require(ToolRanking(query, maxWords: 16))
        var hits: [Int: Double] = [:]
        var positions: [Int] = []
        ranking.forEachHit(in: list, ranking.matches(in: list), at: Self.place) { position, score in
            hits[position] = score
            positions.append(position)
        }
        #expect(positions == positions.sorted())
        #expect(positions.count == hits.count)
        return hits
    }

    @Test("Points are those that comparing the texts themselves gives, whatever is asked", arguments: 0..<300)
    func reference(seed: Int) throws {
        var random = Seeded(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
        let words = ["list", "lists", "pet", "pets", "create", "order", "in", "main", "org", "shop", "status", "a", "x1", "listing", "ünï"]
        func text(_ count: ClosedRange<Int>, _ separator: String) -> String {
            (0..<Int.random(in: count, using: &random)).map { _ in words[Int.random(in: words.indices, using: &random)] }
                .joined(separator: separator)
        }
        let list = ToolList(
            tools: (0..<60).map { ToolEntry(name: text(1...3, ".") + ".\($0)", description: text(0...6, " "), effect: .read) })
        for query in [text(1...6, " "), text(1...1, ""), String(text(1...2, " ").dropFirst())] where !SearchWords(query).words.isEmpty {
            let hits = try Self.hits(query, in: list)
            for (position, tool) in list.enumerated() {
                #expect(hits[position] == PlainRanking(query, tool, Self.place).points, "\(query) in \(tool.name): \(tool.description)")
            }
        }
    }

    @Test("A query that begins in the place and ends in the name counts as within the path")
    func border() throws {
        let list = ToolList(tools: [ToolEntry(name: "create.order", description: "", effect: .write)])
        // Path only for the first word, path and name for the second; the query within the path; all words found.
        #expect(try Self.hits("main create", in: list)[0] == Double(4 * 12 + (4 * 12 + 4 * 10) + 6 * 12 + 25))
        // The whole path.
        let whole = try #require(try Self.hits("pet shop org main create order", in: list)[0])
        let beginning = try #require(try Self.hits("pet shop org main create", in: list)[0])
        #expect(whole > beginning)
    }

    @Test("Words are found by the plain and by the general splitter alike", arguments: 0..<200)
    func splitting(seed: Int) {
        var random = Seeded(state: UInt64(seed) &* 0xD1B5_4A32_D192_ED03 | 1)
        let scalars = Array("abYZ09 ._-/é")
        let text = String(
            (0..<Int.random(in: 0...40, using: &random)).map { _ in scalars[Int.random(in: scalars.indices, using: &random)] })
        var splitter = WordSplitter()
        splitter.split("left over", maxWords: 5)
        for maxWords in [3, 200] {
            splitter.split(text, maxWords: maxWords)
            let starts = [0] + splitter.ends
            let words = zip(starts, splitter.ends).map { String(decoding: splitter.bytes[$0..<$1], as: UTF8.self) }
            #expect(words == SearchWords(text, maxWords: maxWords).words, "\(text)")
        }
    }

    @Test("The best are kept in order, and all are counted", arguments: [0, 1, 3, 100])
    func best(maxCount: Int) {
        var random = Seeded(state: 7)
        var best = BestHits(maxCount: maxCount)
        var all: [BestHits.Hit] = []
        for position in 0..<200 {
            let hit = BestHits.Hit(score: Double(Int.random(in: 0...9, using: &random)), place: position / 50, position: position)
            all.append(hit)
            best.add(hit)
        }
        let expected = all.sorted { ($1.score, $0.position) < ($0.score, $1.position) }.prefix(maxCount).map(\.position)
        #expect(best.sorted.map(\.position) == Array(expected))
        #expect(best.total == 200)
    }
}

/// The points of a tool as the documentation of ``ToolRanking`` has them, from the texts alone.
private struct PlainRanking {
    let points: Double?

    init(_ query: String, _ tool: ToolEntry, _ place: ToolRanking.Place) {
        let words = SearchWords(query, maxWords: 16).words
        let phrase = words.joined(separator: " ")
        let (name, description) = (SearchWords(tool.name).words, SearchWords(tool.description).words)
        let fields = [(place.prefix.words + name, 12), (name, 10), (place.integration.words, 8), (description, 5)]
        func fit(_ word: String, _ other: String) -> Int {
            if word == other { return 4 }
            if word.hasPrefix(other) || other.hasPrefix(word) { return 2 }
            return other.contains(word) ? 1 : 0
        }
        var (sum, found) = (0, 0)
        for word in words {
            let fits = fields.map { field in field.0.map { fit(word, $0) }.max() ?? 0 }
            sum += zip(fits, fields).map { $0 * $1.1 }.reduce(0, +)
            if fits.contains(where: { $0 > 0 }) { found += 1 }
        }
        let required = words.count <= 2 ? words.count : (words.count * 3 + 4) / 5
        guard found >= required else {
            self.points = nil
            return
        }
        sum += found == words.count ? 25 : Int((10 * Double(found) / Double(words.count)).rounded())
        if fields[0].0.first == words.first || name.first == words.first { sum += 8 }
        if found == words.count {
            for (field, weight) in fields {
                let text = field.joined(separator: " ")
                if text == phrase {
                    sum += 14 * weight
                } else if text.hasPrefix(phrase) {
                    sum += 9 * weight
                } else if text.contains(phrase) {
                    sum += 6 * weight
                }
            }
            if fields[0].0.joined(separator: " ") == phrase || name.joined(separator: " ") == phrase { sum += 20 }
        }
        self.points = Double(sum)
    }
}
