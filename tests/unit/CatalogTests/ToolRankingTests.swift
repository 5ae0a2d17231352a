import Model
import Testing

@testable import Catalog

@Suite("Ranking by the words that tools have")
struct ToolRankingTests {
    private static let place = ToolRanking.Place(integration: SearchWords("pet-shop"), prefix: SearchWords("pet-shop.org.main"))

    private static func best(_ query: String, in list: ToolList, maxCount: Int) throws -> BestHits {
        let ranking = try #require(ToolRanking(query, maxWords: 16))
        var best = BestHits(maxCount: maxCount)
        var positions: [Int] = []
        ranking.collect(ranking.matches(in: list), of: list, at: Self.place, number: 0, into: &best) { position in
            positions.append(position)
            return true
        }
        #expect(positions == positions.sorted())
        #expect(positions.count == best.total)
        return best
    }

    private static func hits(_ query: String, in list: ToolList) throws -> [Int: Int] {
        let best = try Self.best(query, in: list, maxCount: list.count)
        #expect(best.sorted.count == best.total)
        return Dictionary(uniqueKeysWithValues: best.sorted.map { ($0.position, $0.score) })
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
            // Those that cannot be among the best are counted without being compared as a whole.
            let expected = hits.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            for maxCount in [0, 1, 3, 12] {
                let best = try Self.best(query, in: list, maxCount: maxCount)
                #expect(best.total == hits.count)
                #expect(best.sorted.map(\.position) == expected.prefix(maxCount).map(\.key), "the first \(maxCount) for \(query)")
                #expect(best.sorted.map(\.score) == expected.prefix(maxCount).map(\.value))
            }
        }
    }

    @Test("A query that begins in the place and ends in the name counts as within the path")
    func border() throws {
        let list = ToolList(tools: [ToolEntry(name: "create.order", description: "", effect: .write)])
        // Path only for the first word, path and name for the second; the query within the path; all words found.
        #expect(try Self.hits("main create", in: list)[0] == 4 * 12 + (4 * 12 + 4 * 10) + 6 * 12 + 25)
        // The whole path.
        let whole = try #require(try Self.hits("pet shop org main create order", in: list)[0])
        let beginning = try #require(try Self.hits("pet shop org main create", in: list)[0])
        #expect(whole > beginning)
    }

    @Test("A word fits as comparing the strings says, whatever its letters", arguments: 0..<300)
    func words(seed: Int) {
        var random = Seeded(state: UInt64(seed) &* 0xA24B_AED4_963E_E407 | 1)
        // Few letters make words that hold each other; letters that share a bit must not be taken for each other.
        let letters = Array([["a", "b"], ["a", "b", "1"], ["x", "é", "ü"], ["a", "p", "0", "5", "z"]][seed % 4])
        func word(_ count: ClosedRange<Int>) -> String {
            (0..<Int.random(in: count, using: &random)).map { _ in letters[Int.random(in: letters.indices, using: &random)] }.joined()
        }
        for _ in 0..<50 {
            let (sought, word) = (word(1...6), word(1...12))
            let (needle, bytes) = (Array(sought.utf8), Array(word.utf8))
            let starts = bytes.indices.filter { bytes[$0...].starts(with: needle) }
            var expected: Vocabulary.Fit = []
            if !starts.isEmpty { expected.insert(.holds) }
            if starts.first == 0 { expected.insert(.begins) }
            if starts.last == bytes.count - needle.count { expected.insert(.ends) }
            if bytes == needle {
                expected.insert(.same)
            } else if starts.first == 0 || needle.starts(with: bytes) {
                expected.insert(.beginning)
            } else if !starts.isEmpty {
                expected.insert(.within)
            }
            #expect(SoughtWord(sought).fit(of: word) == expected, "\(sought) in \(word)")
        }
    }

    @Test("A namespace is the beginning of an address in words, wherever it ends", arguments: 0..<100)
    func namespaces(seed: Int) {
        var random = Seeded(state: UInt64(seed) &* 0x9FB2_1C65_1E98_DF25 | 1)
        let parts = ["pet", "pets", "shop", "org", "main", "listPets", "ünï", "x1", "é"]
        func text(_ count: ClosedRange<Int>) -> String {
            (0..<Int.random(in: count, using: &random)).map { _ in parts[Int.random(in: parts.indices, using: &random)] }
                .joined(separator: ".")
        }
        let list = ToolList(tools: (0..<40).map { _ in ToolEntry(name: text(1...3), description: text(0...3), effect: .read) })
        for prefix in ["pet-shop.org.main.", "pet.org.main."] {
            let known = ["", "pet", "pet shop", "petShop org", "pet.org.main", "pet.org.main.", "pet-shop.org.main.", "pet-shop org main "]
            for beginning in known {
                let namespace = SearchWords(beginning + (beginning.count > 8 ? text(0...2) : ""))
                let filter = NameFilter(namespace, behind: SearchWords(prefix), in: list)
                for position in list.indices {
                    let isInside = SearchWords(prefix + list.name(position)).starts(with: namespace)
                    #expect(filter?.contains(position) ?? false == isInside, "\(prefix)\(list.name(position)) in \(namespace.words)")
                }
            }
        }
        #expect(NameFilter(nil, behind: SearchWords("pet.org.main."), in: list)?.contains(0) == true)
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
            let hit = BestHits.Hit(score: Int.random(in: 0...9, using: &random), place: position / 50, position: position)
            all.append(hit)
            best.add(hit)
        }
        let expected = all.sorted { ($1.score, $0.position) < ($0.score, $1.position) }.prefix(maxCount).map(\.position)
        #expect(best.sorted.map(\.position) == Array(expected))
        #expect(best.total == 200)
    }
}
