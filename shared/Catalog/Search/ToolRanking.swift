/// How well tools fit a query.
///
/// Each field counts with its weight: the path 12, the name 10, the integration 8, the description 5. The query as a whole gives a field
/// 14 times that when it is the field, 9 times at its beginning, 6 times within; each word 4 times for the same word, 2 times when one of
/// the two begins the other, once within a word. With one or two words all must be found, with more 60 %, unless the query as a whole
/// was. All words found give 25 points, fewer 10 in proportion; a path or name that begins with the first word 8, one that is the query 20.
struct ToolRanking: Sendable {
    private static let weights = (path: 12, name: 10, integration: 8, description: 5)

    private let words: [String]
    private let phrase: [UInt8]

    /// Nil for a query without words, which finds nothing.
    init?(_ query: String, maxWords: Int) {
        let words = SearchWords(query, maxWords: maxWords)
        guard !words.words.isEmpty else { return nil }
        self.words = words.words
        self.phrase = Array(words.phrase.utf8)
    }

    /// The part of an address before the tool: slug, owner and connection.
    struct Place {
        let integration: SearchWords
        let prefix: SearchWords
    }

    /// How well each word of a list's vocabulary fits each word of the query.
    struct Fit {
        /// For each query word, 0, 1, 2 or 4 by word number.
        fileprivate let vocabulary: [[UInt8]]
        fileprivate let integration: [UInt8]
        fileprivate let prefix: [UInt8]
        fileprivate let integrationPhrase: [UInt8]
        fileprivate let prefixPhrase: [UInt8]
        fileprivate let firstPrefixWordFits: Bool
    }

    /// Compares the query with the words of a list and of the place at which it stands; once for all of the list's tools.
    func fit(_ list: ToolList, at place: Place) -> Fit {
        Fit(
            vocabulary: self.words.map { word in list.vocabulary.map { Self.fit(word, $0) } },
            integration: self.words.map { word in place.integration.words.map { Self.fit(word, $0) }.max() ?? 0 },
            prefix: self.words.map { word in place.prefix.words.map { Self.fit(word, $0) }.max() ?? 0 },
            integrationPhrase: Array(place.integration.phrase.utf8), prefixPhrase: Array(place.prefix.phrase.utf8),
            firstPrefixWordFits: place.prefix.words.first == self.words.first)
    }

    /// The points of the tool at a position of the list; nil where it does not fit.
    func score(_ position: Int, of list: ToolList, _ fit: Fit) -> Double? {
        let name = list.names[position]
        let description = list.descriptions[position]
        var points = 0
        var found = 0
        for index in self.words.indices {
            let inName = Self.best(name.words, fit.vocabulary[index])
            let inPath = max(inName, Int(fit.prefix[index]))
            let inIntegration = Int(fit.integration[index])
            let inDescription = Self.best(description.words, fit.vocabulary[index])
            points +=
                inPath * Self.weights.path + inName * Self.weights.name + inIntegration * Self.weights.integration
                + inDescription * Self.weights.description
            if inPath + inIntegration + inDescription > 0 { found += 1 }
        }
        guard found > 0 else { return nil }
        let path = fit.prefixPhrase + [UInt8(ascii: " ")] + name.phrase
        let phrases = (
            path: self.phraseFit(path), name: self.phraseFit(name.phrase), integration: self.phraseFit(fit.integrationPhrase),
            description: self.phraseFit(description.phrase)
        )
        points +=
            phrases.path * Self.weights.path + phrases.name * Self.weights.name + phrases.integration * Self.weights.integration
            + phrases.description * Self.weights.description
        let isPhraseFound = max(phrases.path, phrases.name, phrases.integration, phrases.description) > 0
        let coverage = Double(found) / Double(self.words.count)
        guard isPhraseFound || coverage >= (self.words.count <= 2 ? 1 : 0.6) else { return nil }
        var score = Double(points) + (coverage == 1 ? 25 : (10 * coverage).rounded())
        let firstName = name.words.first.map { list.vocabulary[Int($0)] }
        if fit.firstPrefixWordFits || firstName == self.words.first { score += 8 }
        if phrases.path == 14 || phrases.name == 14 { score += 20 }
        return score
    }

    private static func best(_ words: [UInt32], _ fit: [UInt8]) -> Int {
        var best: UInt8 = 0
        for word in words { best = max(best, fit[Int(word)]) }
        return Int(best)
    }

    private static func fit(_ word: String, _ other: String) -> UInt8 {
        if word == other { return 4 }
        if other.utf8.starts(with: word.utf8) || word.utf8.starts(with: other.utf8) { return 2 }
        return Array(other.utf8).holds(Array(word.utf8)) ? 1 : 0
    }

    private func phraseFit(_ field: [UInt8]) -> Int {
        if field == self.phrase { return 14 }
        if field.starts(with: self.phrase) { return 9 }
        return field.holds(self.phrase) ? 6 : 0
    }
}

extension [UInt8] {
    /// Whether `needle` stands anywhere in these bytes.
    fileprivate func holds(_ needle: [UInt8]) -> Bool {
        guard let first = needle.first, self.count >= needle.count else { return false }
        return self.withUnsafeBufferPointer { buffer in
            for start in 0...(buffer.count - needle.count) where buffer[start] == first {
                var length = 1
                while length < needle.count, buffer[start + length] == needle[length] { length += 1 }
                if length == needle.count { return true }
            }
            return false
        }
    }
}
