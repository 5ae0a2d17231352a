/// A word of a query, prepared for being compared with many words.
struct SoughtWord: Sendable {
    let letters: LetterSet
    private let bytes: [UInt8]
    /// Whether the letters of a word tell that it holds this one.
    private let isOneLetter: Bool
    /// For each beginning of the word, how many bytes at its end are a shorter beginning: where a search for the word goes on when the
    /// next byte differs (Knuth, Morris and Pratt), so that it takes no longer whatever the words are.
    private let borders: [Int]

    init(_ word: String) {
        let bytes = Array(word.utf8)
        self.bytes = bytes
        self.letters = bytes.withUnsafeBufferPointer { LetterSet($0) }
        self.isOneLetter = bytes.count == 1 && self.letters.isOneLetter
        var borders = [Int](repeating: 0, count: bytes.count)
        var border = 0
        for index in bytes.indices.dropFirst() {
            while border > 0, bytes[border] != bytes[index] { border = borders[border - 1] }
            if bytes[border] == bytes[index] { border += 1 }
            borders[index] = border
        }
        self.borders = borders
    }

    /// How a word fits this one.
    func fit(of word: String) -> Vocabulary.Fit {
        var word = word
        return word.withUTF8 { self.fit(of: $0, LetterSet($0)) }
    }

    /// How a word of some letters fits this one.
    func fit(of word: UnsafeBufferPointer<UInt8>, _ letters: LetterSet) -> Vocabulary.Fit {
        guard letters.mayFit(self.letters) else { return [] }
        let rest = word.count - self.bytes.count
        guard rest >= 0 else { return self.isEqual(word, at: 0, count: word.count) ? .beginning : [] }
        var fit: Vocabulary.Fit = []
        if self.isEqual(word, at: 0, count: self.bytes.count) {
            fit = rest == 0 ? [.same, .holds, .begins, .ends] : [.beginning, .holds, .begins]
        }
        if rest > 0, self.isEqual(word, at: rest, count: self.bytes.count) {
            fit.formUnion(fit.isEmpty ? [.within, .holds, .ends] : .ends)
        }
        guard fit.isEmpty, rest > 1 else { return fit }
        let isInside = self.isOneLetter ? letters.holds(self.letters) : self.isInside(word)
        return isInside ? [.within, .holds] : []
    }

    /// Whether as many bytes of a word as `count` are those with which this one begins.
    private func isEqual(_ word: UnsafeBufferPointer<UInt8>, at start: Int, count: Int) -> Bool {
        let bytes = self.bytes.span
        for index in 0..<count where bytes[index] != word[start + index] { return false }
        return true
    }

    /// Whether a word has this one in its midst.
    private func isInside(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
        let (bytes, borders) = (self.bytes.span, self.borders.span)
        var found = 0
        for index in 1..<(word.count - 1) {
            while found > 0, bytes[found] != word[index] { found = borders[found - 1] }
            if bytes[found] == word[index] { found += 1 }
            if found == bytes.count { return true }
        }
        return false
    }
}
