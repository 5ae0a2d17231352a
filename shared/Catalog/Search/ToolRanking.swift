/// How well tools fit a query.
///
/// Each field counts with its weight: the path 12, the name 10, the integration 8, the description 5. The query as a whole gives a field
/// 14 times that when it is the field, 9 times at its beginning, 6 times within; each word 4 times for the same word, 2 times when one of
/// the two begins the other, once within a word. With one or two words all must be found, with more 60 %, unless the query as a whole
/// was. All words found give 25 points, fewer 10 in proportion; a path or name that begins with the first word 8, one that is the query 20.
struct ToolRanking: Sendable {
    private static let weights = (path: 12, name: 10, integration: 8, description: 5)

    private let words: [[UInt8]]
    private let phrase: [UInt8]
    /// How many of the words must be found. A text that holds the query as a whole has all of them.
    private let requiredCount: Int

    /// Nil for a query without words, which finds nothing.
    init?(_ query: String, maxWords: Int) {
        let words = SearchWords(query, maxWords: maxWords)
        guard !words.words.isEmpty else { return nil }
        self.words = words.words.map { Array($0.utf8) }
        self.phrase = Array(words.phrase.utf8)
        let count = words.words.count
        self.requiredCount = count <= 2 ? count : (count * 3 + 4) / 5
    }

    /// The part of an address before the tool: slug, owner and connection.
    struct Place {
        let integration: SearchWords
        let prefix: SearchWords
    }

    /// How well each word of a list's vocabulary, and the place at which it stands, fit each word of the query.
    struct Fit {
        /// For each query word, 0, 1, 2 or 4 by word number.
        fileprivate let vocabulary: [[UInt8]]
        fileprivate let integration: [UInt8]
        fileprivate let prefix: [UInt8]
        /// The prefix's phrase with the space before the name.
        fileprivate let prefixPhrase: [UInt8]
        fileprivate let prefixHoldsPhrase: Bool
        fileprivate let integrationPhraseFit: Int
        fileprivate let firstPrefixWordFits: Bool
    }

    /// Compares the query with the words of a list and of the place at which it stands; once for all of the list's tools.
    func fit(_ list: ToolList, at place: Place) -> Fit {
        func best(_ word: [UInt8], _ others: SearchWords) -> UInt8 {
            others.words.map { other in Array(other.utf8).withUnsafeBufferPointer { Self.fit(word, $0) } }.max() ?? 0
        }
        let prefixPhrase = Array("\(place.prefix.phrase) ".utf8)
        return Fit(
            vocabulary: self.words.map { word in list.vocabulary.map { Self.fit(word, $0) } },
            integration: self.words.map { best($0, place.integration) }, prefix: self.words.map { best($0, place.prefix) },
            prefixPhrase: prefixPhrase, prefixHoldsPhrase: prefixPhrase.holds(self.phrase),
            integrationPhraseFit: self.phraseFit(Array(place.integration.phrase.utf8)),
            firstPrefixWordFits: place.prefix.words.first.map { Array($0.utf8) } == self.words.first)
    }

    /// The positions of the tools that have as many of the words as a tool must have, in no order. No other tool gets points.
    func candidates(in list: ToolList, _ fit: Fit) -> [Int] {
        let scattered = self.words.indices.filter { fit.prefix[$0] == 0 && fit.integration[$0] == 0 }
        let missingCount = self.requiredCount - (self.words.count - scattered.count)
        guard missingCount > 0 else { return Array(list.tools.indices) }
        var found: [Int] = []
        var counts = [UInt16](repeating: 0, count: list.tools.count)
        // For which of the words a tool was counted last, from 1.
        var lastCounted = [UInt16](repeating: 0, count: list.tools.count)
        for (turn, index) in scattered.enumerated() {
            for (word, points) in fit.vocabulary[index].enumerated() where points > 0 {
                for position in list.vocabulary.positions(of: word).lazy.map(Int.init) where lastCounted[position] != turn + 1 {
                    lastCounted[position] = UInt16(turn + 1)
                    counts[position] += 1
                    if counts[position] == missingCount { found.append(position) }
                }
            }
        }
        return found
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
        guard found >= self.requiredCount else { return nil }
        let coverage = Double(found) / Double(self.words.count)
        var score = Double(points) + (coverage == 1 ? 25 : (10 * coverage).rounded())
        if fit.firstPrefixWordFits || name.words.first.map({ Array(list.vocabulary[Int($0)]) }) == self.words.first { score += 8 }
        // A text that holds the query as a whole has all of its words.
        guard found == self.words.count else { return score }
        let (inPath, inName) = (self.phraseFit(fit, name.phrase), self.phraseFit(name.phrase))
        score += Double(
            inPath * Self.weights.path + inName * Self.weights.name + fit.integrationPhraseFit * Self.weights.integration
                + self.phraseFit(description.phrase) * Self.weights.description)
        if inPath == 14 || inName == 14 { score += 20 }
        return score
    }

    private static func best(_ words: [UInt32], _ fit: [UInt8]) -> Int {
        var best: UInt8 = 0
        for word in words { best = max(best, fit[Int(word)]) }
        return Int(best)
    }

    private static func fit(_ word: [UInt8], _ other: UnsafeBufferPointer<UInt8>) -> UInt8 {
        word.withUnsafeBufferPointer { word in
            let common = min(word.count, other.count)
            if UnsafeBufferPointer(rebasing: word[..<common]).elementsEqual(UnsafeBufferPointer(rebasing: other[..<common])) {
                return word.count == other.count ? 4 : 2
            }
            return other.holds(word) ? 1 : 0
        }
    }

    private func phraseFit(_ field: [UInt8]) -> Int {
        if field.starts(with: self.phrase) { return field.count == self.phrase.count ? 14 : 9 }
        return field.holds(self.phrase) ? 6 : 0
    }

    /// The same for the prefix with the name behind it, which are not put together for each tool.
    private func phraseFit(_ fit: Fit, _ name: [UInt8]) -> Int {
        let prefix = fit.prefixPhrase
        func stands(at start: Int) -> Bool {
            let head = prefix[start...].prefix(self.phrase.count)
            return self.phrase.starts(with: head) && name.starts(with: self.phrase.dropFirst(head.count))
        }
        if stands(at: 0) { return prefix.count + name.count == self.phrase.count ? 14 : 9 }
        if fit.prefixHoldsPhrase || name.holds(self.phrase) { return 6 }
        return (max(0, prefix.count - self.phrase.count + 1)..<prefix.count).contains(where: stands) ? 6 : 0
    }
}

extension [UInt8] {
    /// Whether `needle` stands anywhere in these bytes.
    fileprivate func holds(_ needle: [UInt8]) -> Bool {
        self.withUnsafeBufferPointer { bytes in needle.withUnsafeBufferPointer { bytes.holds($0) } }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether `needle` stands anywhere in these bytes.
    fileprivate func holds(_ needle: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = needle.first, self.count >= needle.count else { return false }
        for start in 0...(self.count - needle.count) where self[start] == first {
            var length = 1
            while length < needle.count, self[start + length] == needle[length] { length += 1 }
            if length == needle.count { return true }
        }
        return false
    }
}
