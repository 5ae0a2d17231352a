/// How well tools fit a query.
///
/// Each field counts with its weight: the path 12, the name 10, the integration 8, the description 5. The query as a whole gives a field
/// 14 times that when it is the field, 9 times at its beginning, 6 times within; each word 4 times for the same word, 2 times when one of
/// the two begins the other, once within a word. With one or two words all must be found, with more 60 %, unless the query as a whole
/// was. All words found give 25 points, fewer 10 in proportion; a path or name that begins with the first word 8, one that is the query 20.
struct ToolRanking: Sendable {
    private static let weights = (path: 12, name: 10, integration: 8, description: 5)

    private let words: [[UInt8]]
    /// How many of the words must be found. A text that holds the query as a whole has all of them.
    private let requiredCount: Int

    /// Nil for a query without words, which finds nothing.
    init?(_ query: String, maxWords: Int) {
        self.words = SearchWords(query, maxWords: maxWords).words.map { Array($0.utf8) }
        guard !self.words.isEmpty else { return nil }
        self.requiredCount = self.words.count <= 2 ? self.words.count : (self.words.count * 3 + 4) / 5
    }

    /// The part of an address before the tool: slug, owner and connection.
    struct Place {
        let integration: SearchWords
        let prefix: SearchWords
    }

    /// How the words and texts of a list fit each word of the query, wherever the list stands.
    struct Matches {
        /// Of the query's first word by number of the list's words, then of the second, and so on.
        fileprivate let words: [Vocabulary.Fit]
        /// The same by number of the list's texts.
        fileprivate let texts: [UInt8]
    }

    /// Compares the query with the words of a list.
    func matches(in list: ToolList) -> Matches {
        let words = self.words.map { list.vocabulary.fits($0) }
        return Matches(words: Array(words.joined()), texts: words.flatMap { list.vocabulary.fitsOfTexts($0) })
    }

    /// Calls `body` with the position and points of each tool of a list that fits, in the order of positions.
    func forEachHit(in list: ToolList, _ matches: Matches, at place: Place, _ body: (_ position: Int, _ score: Double) -> Void) {
        let fit = PlaceFit(self.words, place)
        let points = self.pointTables(fit)
        // Half of all tools may come here: what is counted for each must touch no reference.
        matches.texts.withUnsafeBufferPointer { texts in
            matches.words.withUnsafeBufferPointer { words in
                list.vocabulary.withTexts { numbers, starts in
                    let index = MatchedTexts(
                        queryCount: self.words.count, texts: texts, words: words, wordCount: list.vocabulary.count, numbers: numbers,
                        starts: starts)
                    points.withUnsafeBufferPointer { self.forEachHit(index, $0, fit, body) }
                }
            }
        }
    }

    private func forEachHit(
        _ index: MatchedTexts, _ points: UnsafeBufferPointer<UInt32>, _ place: PlaceFit, _ body: (_ position: Int, _ score: Double) -> Void
    ) {
        let count = self.words.count
        let all = UInt32(count)
        for position in 0..<(index.textCount / 2) {
            var sum: UInt32 = 0
            for query in 0..<count {
                let name = Int(index.fits(text: position * 2, query) & Vocabulary.Fit.points)
                let description = Int(index.fits(text: position * 2 + 1, query) & Vocabulary.Fit.points)
                sum &+= points[query << 6 | name << 3 | description]
            }
            let found = sum >> 16
            guard Int(found) >= self.requiredCount else { continue }
            var score = Double(sum & 0xFFFF)
            score += found == all ? 25 : (10 * Double(found) / Double(count)).rounded()
            if place.firstWordFits || index.firstWord(ofText: position * 2).contains(.same) { score += 8 }
            // A text that holds the query as a whole has all of its words.
            if found == all { score += self.phrasePoints(position, index, place) }
            body(position, score)
        }
    }

    /// For each word of the query the points of a tool by how the word fits its name and description; above 16 bits, 1 where it was found
    /// at all.
    private func pointTables(_ place: PlaceFit) -> [UInt32] {
        // The best of several fits counts.
        let best = [0, 1, 2, 2, 4, 4, 4, 4]
        return self.words.indices.flatMap { index in
            (0..<64).map { fits in
                let (name, description) = (best[fits >> 3], best[fits & 7])
                let (path, integration) = (max(name, best[place.prefixPoints(index)]), best[place.integrationPoints(index)])
                let points =
                    path * Self.weights.path + name * Self.weights.name + integration * Self.weights.integration
                    + description * Self.weights.description
                return UInt32(points) | (path + integration + description > 0 ? 1 << 16 : 0)
            }
        }
    }

    // MARK: - The query as a whole

    private func phrasePoints(_ position: Int, _ index: MatchedTexts, _ place: PlaceFit) -> Double {
        let inName = index.phraseFit(ofText: position * 2)
        let inDescription = index.phraseFit(ofText: position * 2 + 1)
        let inPath: Int
        if self.words.count == 1 {
            inPath = max(place.prefixPhraseFit, inName > 0 ? 6 : 0)
        } else if place.mayHoldPart || inName > 0 {
            let (prefix, name) = (place.prefix, position * 2)
            inPath = PlaceFit.phraseFit(queryCount: self.words.count, count: prefix.count + index.wordCount(ofText: name)) { word, query in
                word < prefix.count ? prefix[word][query] : index.fit(word - prefix.count, ofText: name, query)
            }
        } else {
            inPath = 0
        }
        let points =
            inPath * Self.weights.path + inName * Self.weights.name + place.integrationPhraseFit * Self.weights.integration
            + inDescription * Self.weights.description + (inPath == 14 || inName == 14 ? 20 : 0)
        return Double(points)
    }
}

/// The texts of a list with how they fit a query, for as long as a loop over them lasts.
private struct MatchedTexts {
    let queryCount: Int
    let texts: UnsafeBufferPointer<UInt8>
    let words: UnsafeBufferPointer<Vocabulary.Fit>
    /// How many different words the list has.
    let wordCount: Int
    let numbers: UnsafeBufferPointer<UInt32>
    let starts: UnsafeBufferPointer<Int>

    var textCount: Int { self.starts.count - 1 }

    func wordCount(ofText text: Int) -> Int { self.starts[text + 1] - self.starts[text] }

    /// How the best of a text's words fits a word of the query.
    func fits(text: Int, _ query: Int) -> UInt8 { self.texts[query * self.textCount + text] }

    /// How a word of a text fits a word of the query.
    func fit(_ word: Int, ofText text: Int, _ query: Int) -> Vocabulary.Fit {
        self.words[query * self.wordCount + Int(self.numbers[self.starts[text] + word])]
    }

    /// How a text's first word fits the query's first.
    func firstWord(ofText text: Int) -> Vocabulary.Fit { self.wordCount(ofText: text) == 0 ? [] : self.fit(0, ofText: text, 0) }

    /// How a text holds the query as a whole.
    func phraseFit(ofText text: Int) -> Int {
        // Without a word that holds each of the query's, it does not hold all of it.
        for query in 0..<self.queryCount where self.fits(text: text, query) & Vocabulary.Fit.holds.rawValue == 0 { return 0 }
        let count = self.wordCount(ofText: text)
        if self.queryCount == 1 {
            // Most queries; that it holds the one word is known already.
            let first = self.fit(0, ofText: text, 0)
            guard first.contains(.begins) else { return 6 }
            return count == 1 && first.contains(.same) ? 14 : 9
        }
        return PlaceFit.phraseFit(queryCount: self.queryCount, count: count) { self.fit($0, ofText: text, $1) }
    }
}

/// How the part of an address before the tool fits a query.
private struct PlaceFit {
    /// For each word of the prefix, how it fits each word of the query.
    let prefix: [[Vocabulary.Fit]]
    let integration: [[Vocabulary.Fit]]
    let integrationPhraseFit: Int
    /// How the prefix holds the query as a whole, with something behind it.
    let prefixPhraseFit: Int
    /// Whether the prefix begins with the query's first word.
    let firstWordFits: Bool
    /// Whether the query may stand in the prefix, or begin there and end in a tool's name.
    let mayHoldPart: Bool

    init(_ query: [[UInt8]], _ place: ToolRanking.Place) {
        func fits(_ words: SearchWords) -> [[Vocabulary.Fit]] {
            words.words.map { word in query.map { Vocabulary.Fit(of: Array(word.utf8), to: $0) } }
        }
        let prefix = fits(place.prefix)
        self.prefix = prefix
        // The prefix alone is never the whole path.
        self.prefixPhraseFit = min(9, Self.phraseFit(queryCount: query.count, count: prefix.count) { prefix[$0][$1] })
        let integration = fits(place.integration)
        self.integration = integration
        self.integrationPhraseFit = Self.phraseFit(queryCount: query.count, count: integration.count) { integration[$0][$1] }
        self.firstWordFits = self.prefix.first?.first?.contains(.same) ?? false
        self.mayHoldPart = self.prefix.contains { $0[0].contains(.holds) }
    }

    func prefixPoints(_ query: Int) -> Int { Self.points(self.prefix, query) }

    func integrationPoints(_ query: Int) -> Int { Self.points(self.integration, query) }

    private static func points(_ words: [[Vocabulary.Fit]], _ query: Int) -> Int {
        Int(words.reduce(0) { $0 | $1[query].rawValue } & Vocabulary.Fit.points)
    }

    /// How a text of some words holds all words of a query one after another: 14 when it is the query, 9 when it begins with it, 6 when
    /// it holds it, else 0. The first of the query's words may end a longer word of the text, and the last begin one.
    static func phraseFit(queryCount: Int, count: Int, _ fit: (_ word: Int, _ query: Int) -> Vocabulary.Fit) -> Int {
        guard count >= queryCount else { return 0 }
        func stands(at start: Int, firstAs first: Vocabulary.Fit) -> Bool {
            for query in 0..<queryCount {
                let needed: Vocabulary.Fit
                switch (query == 0, query == queryCount - 1) {
                case (true, true): needed = first == .ends ? .holds : .begins
                case (true, false): needed = first
                case (false, true): needed = .begins
                case (false, false): needed = .same
                }
                if !fit(start + query, query).contains(needed) { return false }
            }
            return true
        }
        if stands(at: 0, firstAs: .same) {
            return count == queryCount && fit(count - 1, queryCount - 1).contains(.same) ? 14 : 9
        }
        return (0...(count - queryCount)).contains { stands(at: $0, firstAs: .ends) } ? 6 : 0
    }
}

extension Vocabulary.Fit {
    /// How a word fits a word of a query.
    init(of word: [UInt8], to query: [UInt8]) {
        var fit: Vocabulary.Fit = []
        if word == query {
            fit = [.same, .holds, .begins, .ends]
        } else if word.starts(with: query) {
            fit = [.beginning, .holds, .begins]
        } else if query.starts(with: word) {
            fit = .beginning
        } else if word.count > query.count, (0...(word.count - query.count)).contains(where: { word[$0...].starts(with: query) }) {
            fit = [.within, .holds]
        }
        if word.count > query.count, word.suffix(query.count).elementsEqual(query) { fit.insert(.ends) }
        self = fit
    }
}
