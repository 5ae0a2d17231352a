/// How well tools fit a query.
///
/// Each field counts with its weight: the path 12, the name 10, the integration 8, the description 5. The query as a whole gives a field
/// 14 times that when it is the field, 9 times at its beginning, 6 times within; each word 4 times for the same word, 2 times when one of
/// the two begins the other, once within a word. With one or two words all must be found, with more 60 %, unless the query as a whole
/// was. All words found give 25 points, fewer 10 in proportion; a path or name that begins with the first word 8, one that is the query 20.
struct ToolRanking: Sendable {
    private static let weights = (path: 12, name: 10, integration: 8, description: 5)

    private let words: [SoughtWord]
    /// How many of the words must be found. A text that holds the query as a whole has all of them.
    private let requiredCount: Int

    /// Nil for a query without words, which finds nothing.
    init?(_ query: String, maxWords: Int) {
        self.words = SearchWords(query, maxWords: maxWords).words.map { SoughtWord($0) }
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
        /// Whether no word fits.
        fileprivate let isEmpty: Bool
    }

    /// Compares the query with the words of a list.
    func matches(in list: ToolList) -> Matches {
        let (vocabulary, count) = (list.vocabulary, self.words.count)
        let (wordCount, textCount) = (vocabulary.count, vocabulary.textCount)
        var words = [Vocabulary.Fit](repeating: [], count: count * wordCount)
        var texts = [UInt8](repeating: 0, count: count * textCount)
        var isEmpty = true
        words.withUnsafeMutableBufferPointer { words in
            texts.withUnsafeMutableBufferPointer { texts in
                for (index, query) in self.words.enumerated() {
                    let words = UnsafeMutableBufferPointer(rebasing: words[(index * wordCount)..<((index + 1) * wordCount)])
                    let found = vocabulary.match(query, words)
                    guard found > 0 else { continue }
                    isEmpty = false
                    let texts = UnsafeMutableBufferPointer(rebasing: texts[(index * textCount)..<((index + 1) * textCount)])
                    vocabulary.spread(UnsafeBufferPointer(words), count: found, to: texts)
                }
            }
        }
        return Matches(words: words, texts: texts, isEmpty: isEmpty)
    }

    /// Adds the tools of a list that fit to the best of a search.
    ///
    /// - Parameters:
    ///   - number: That of the place among those of the search.
    ///   - isShown: Asked for each tool that fits, in the order of positions.
    func collect(
        _ matches: Matches, of list: ToolList, at place: Place, number: Int, into best: inout BestHits,
        isShown: (_ position: Int) -> Bool
    ) {
        let fit = PlaceFit(self.words, place)
        guard !matches.isEmpty || fit.isAny else { return }
        // Half of all tools may come here: what is counted for each must touch no reference.
        matches.texts.withUnsafeBufferPointer { texts in
            guard self.words.count > 1 else {
                self.collect(texts, fit, number: number, into: &best, isShown: isShown)
                return
            }
            matches.words.withUnsafeBufferPointer { words in
                list.vocabulary.withTexts { numbers, starts in
                    let index = MatchedTexts(
                        queryCount: self.words.count, texts: texts, words: words, wordCount: list.vocabulary.count, numbers: numbers,
                        starts: starts)
                    self.collect(index, fit, number: number, into: &best, isShown: isShown)
                }
            }
        }
    }

    /// For a query of several words.
    private func collect(
        _ index: MatchedTexts, _ place: PlaceFit, number: Int, into best: inout BestHits, isShown: (Int) -> Bool
    ) {
        let (count, points) = (self.words.count, self.pointTables(place))
        let table = points.span
        for position in 0..<(index.textCount / 2) {
            var sum: UInt32 = 0
            for query in 0..<count {
                let (name, description) = (index.fit(text: position * 2, query), index.fit(text: position * 2 + 1, query))
                sum &+= table[query << 6 | name.points << 3 | description.points]
            }
            let found = Int(sum >> 16)
            guard found >= self.requiredCount, isShown(position) else { continue }
            var score = Int(sum & 0xFFFF) + (found == count ? 25 : (20 * found + count) / (2 * count))
            if place.firstWordFits || index.fit(text: position * 2, 0).contains(.firstIsSame) { score += 8 }
            // A text that holds the query as a whole has all of its words.
            if found == count {
                // Looking for it takes longer than all of this: not for a tool that will not be among the best all the same.
                let most = score + self.mostPhrasePoints(position, index, place)
                guard best.wouldKeep(BestHits.Hit(score: most, place: number, position: position)) else {
                    best.count()
                    continue
                }
                score += self.phrasePoints(position, index, place)
            }
            best.add(BestHits.Hit(score: score, place: number, position: position))
        }
    }

    /// For a query of one word, of which a text's fit tells all: the points are the sum of those for name and for description.
    private func collect(
        _ texts: UnsafeBufferPointer<UInt8>, _ place: PlaceFit, number: Int, into best: inout BestHits, isShown: (Int) -> Bool
    ) {
        let names = (0..<128).map { self.points(name: Vocabulary.TextFit(rawValue: UInt8($0)), place) }
        let descriptions = (0..<128).map { fit in
            let fit = Vocabulary.TextFit(rawValue: UInt8(fit))
            return (Self.best[fit.points] + fit.phraseFit) * Self.weights.description
        }
        let (nameTable, descriptionTable) = (names.span, descriptions.span)
        for position in 0..<(texts.count / 2) {
            let (name, description) = (texts[position * 2], texts[position * 2 + 1])
            guard place.isAny || (name | description) & Vocabulary.Fit.points != 0, isShown(position) else { continue }
            let score = nameTable[Int(name)] + descriptionTable[Int(description)]
            best.add(BestHits.Hit(score: score, place: number, position: position))
        }
    }

    /// All points of a tool that fits a query of one word but those for its description.
    private func points(name: Vocabulary.TextFit, _ place: PlaceFit) -> Int {
        let (inName, word) = (name.phraseFit, Self.best[name.points])
        let inPath = max(place.prefixPhraseFit, inName > 0 ? 6 : 0)
        let path = max(word, Self.best[place.prefixPoints(0)])
        let points =
            path * Self.weights.path + word * Self.weights.name + Self.best[place.integrationPoints(0)] * Self.weights.integration
        return points + 25 + (place.firstWordFits || name.contains(.firstIsSame) ? 8 : 0)
            + self.phrasePoints(inPath: inPath, inName: inName, inDescription: 0, place)
    }

    /// By the bits of how well something fits: the best of them counts.
    private static let best = [0, 1, 2, 2, 4, 4, 4, 4]

    /// For each word of the query the points of a tool by how the word fits its name and description; above 16 bits, 1 where it was found
    /// at all.
    private func pointTables(_ place: PlaceFit) -> [UInt32] {
        let best = Self.best
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

    /// The points for the query as a whole of a tool that has all of its words, at most: by what is known without looking at each word of
    /// the tool.
    private func mostPhrasePoints(_ position: Int, _ index: MatchedTexts, _ place: PlaceFit) -> Int {
        let inName = index.mostPhraseFit(ofText: position * 2)
        return self.phrasePoints(
            inPath: place.mayHoldPart || inName > 0 ? (place.firstWordFits ? 14 : 6) : 0, inName: inName,
            inDescription: index.mostPhraseFit(ofText: position * 2 + 1), place)
    }

    /// The same exactly.
    private func phrasePoints(_ position: Int, _ index: MatchedTexts, _ place: PlaceFit) -> Int {
        let inName = index.phraseFit(ofText: position * 2)
        var inPath = 0
        if place.mayHoldPart || inName > 0 {
            let (prefix, name) = (place.prefix, position * 2)
            inPath = PlaceFit.phraseFit(queryCount: self.words.count, count: prefix.count + index.wordCount(ofText: name)) { word, query in
                word < prefix.count ? prefix[word][query] : index.fit(word - prefix.count, ofText: name, query)
            }
        }
        return self.phrasePoints(inPath: inPath, inName: inName, inDescription: index.phraseFit(ofText: position * 2 + 1), place)
    }

    private func phrasePoints(inPath: Int, inName: Int, inDescription: Int, _ place: PlaceFit) -> Int {
        inPath * Self.weights.path + inName * Self.weights.name + place.integrationPhraseFit * Self.weights.integration
            + inDescription * Self.weights.description + (inPath == 14 || inName == 14 ? 20 : 0)
    }
}

extension Vocabulary.TextFit {
    /// How a text holds a query of this one word as a whole: 14 when it is the query, 9 when it begins with it, 6 when it holds it, else 0.
    fileprivate var phraseFit: Int {
        guard self.contains(.holds) else { return 0 }
        return self.contains(.isSame) ? 14 : self.contains(.firstBegins) ? 9 : 6
    }
}

/// The texts of a list with how they fit a query of several words, for as long as a loop over them lasts.
private struct MatchedTexts {
    let queryCount: Int
    let texts: UnsafeBufferPointer<UInt8>
    let words: UnsafeBufferPointer<Vocabulary.Fit>
    /// How many different words the list has.
    let wordCount: Int
    let numbers: UnsafeBufferPointer<UInt32>
    let starts: UnsafeBufferPointer<UInt32>

    var textCount: Int { self.starts.count - 1 }

    func wordCount(ofText text: Int) -> Int { Int(self.starts[text + 1] - self.starts[text]) }

    /// How a text fits a word of the query.
    func fit(text: Int, _ query: Int) -> Vocabulary.TextFit {
        Vocabulary.TextFit(rawValue: self.texts[query * self.textCount + text])
    }

    /// How a word of a text fits a word of the query.
    func fit(_ word: Int, ofText text: Int, _ query: Int) -> Vocabulary.Fit {
        self.words[query * self.wordCount + Int(self.numbers[Int(self.starts[text]) + word])]
    }

    /// How a text holds the query as a whole, at most.
    func mostPhraseFit(ofText text: Int) -> Int {
        // Without a word that holds each of the query's, it does not hold all of it.
        for query in 0..<self.queryCount where !self.fit(text: text, query).contains(.holds) { return 0 }
        return self.fit(text: text, 0).contains(.firstIsSame) ? 14 : 6
    }

    /// How a text holds the query as a whole.
    func phraseFit(ofText text: Int) -> Int {
        guard self.mostPhraseFit(ofText: text) > 0 else { return 0 }
        return PlaceFit.phraseFit(queryCount: self.queryCount, count: self.wordCount(ofText: text)) { self.fit($0, ofText: text, $1) }
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
    /// Whether any word of the place fits one of the query.
    let isAny: Bool

    init(_ query: [SoughtWord], _ place: ToolRanking.Place) {
        func fits(_ words: SearchWords) -> [[Vocabulary.Fit]] {
            words.words.map { word in query.map { $0.fit(of: word) } }
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
        self.isAny = (prefix + integration).contains { word in word.contains { !$0.isEmpty } }
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
