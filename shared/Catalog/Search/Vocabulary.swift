#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The words of many texts: each different word once with the texts that have it, and each text as numbers of words.
///
/// Everything lies one after another in a few arrays: a search goes over all words, and an array of arrays would cost it a reference
/// for each.
struct Vocabulary: Sendable {
    /// How a word of a text fits a word of a query: one of ``same``, ``beginning`` and ``within``, with what a phrase needs to know.
    struct Fit: OptionSet, Sendable {
        let rawValue: UInt8

        static let within = Fit(rawValue: 1)
        static let beginning = Fit(rawValue: 2)
        static let same = Fit(rawValue: 4)
        /// Holds the query's word.
        static let holds = Fit(rawValue: 8)
        /// Begins with the query's word, or is it.
        static let begins = Fit(rawValue: 16)
        /// Ends with the query's word, or is it.
        static let ends = Fit(rawValue: 32)

        /// The bits of how well it fits; the highest of several counts.
        static let points: UInt8 = 7
    }

    /// The words, each with a space behind it, which none of them holds.
    private let bytes: [UInt8]
    /// How often each byte stands in `bytes`.
    private let byteCounts: [Int]
    /// Where each word begins in `bytes`, and the end of the last.
    private let starts: [Int]
    /// For each word the texts that have it.
    private let texts: [UInt32]
    private let textStarts: [Int]
    /// For each text its words.
    private let words: [UInt32]
    private let wordStarts: [Int]

    /// How many different words there are.
    var count: Int { self.starts.count - 1 }

    /// How many texts there are.
    var textCount: Int { self.wordStarts.count - 1 }

    /// What it takes in memory.
    var byteCount: Int {
        self.bytes.count + (self.texts.count + self.words.count) * MemoryLayout<UInt32>.stride
            + (self.starts.count + self.textStarts.count + self.wordStarts.count) * MemoryLayout<Int>.stride
    }

    /// Calls `body` with the words of all texts as numbers, and where those of each text begin, with the end of the last.
    func withTexts(_ body: (_ words: UnsafeBufferPointer<UInt32>, _ starts: UnsafeBufferPointer<Int>) -> Void) {
        self.words.withUnsafeBufferPointer { words in self.wordStarts.withUnsafeBufferPointer { body(words, $0) } }
    }

    /// How each word fits a word of a query, by number.
    func fits(_ query: [UInt8]) -> [Fit] {
        var fits = [Fit](repeating: [], count: self.count)
        // The rarest byte of the query's word is looked for, and only where it stands the word compared.
        guard let first = query.first,
            let rarest = query.indices.min(by: { self.byteCounts[Int(query[$0])] < self.byteCounts[Int(query[$1])] })
        else { return fits }
        self.bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            // Words that hold the query's word: one pass over all of them for all of its places.
            var (word, from) = (0, 0)
            while let place = memchr(base + from, Int32(query[rarest]), bytes.count - from) {
                let offset = UnsafeRawPointer(base).distance(to: place) - rarest
                guard offset >= 0, offset + query.count <= bytes.count, memcmp(base + offset, query, query.count) == 0 else {
                    from = offset + rarest + 1
                    continue
                }
                while self.starts[word + 1] <= offset { word += 1 }
                let (start, end) = (self.starts[word], self.starts[word + 1] - 1)
                var fit: Fit = offset > start ? [.holds, .within] : [.holds, .begins, end - start == query.count ? .same : .beginning]
                if memcmp(base + end - query.count, query, query.count) == 0 { fit.insert(.ends) }
                fits[word] = fit
                from = self.starts[word + 1]
            }
            // Shorter words with which the query's word begins.
            for word in 0..<self.count where bytes[self.starts[word]] == first {
                let length = self.starts[word + 1] - 1 - self.starts[word]
                if length < query.count, memcmp(base + self.starts[word], query, length) == 0 { fits[word] = .beginning }
            }
        }
        return fits
    }

    /// For each text how the best of its words fits: the union of their fits.
    func fitsOfTexts(_ fits: [Fit]) -> [UInt8] {
        var found = [UInt8](repeating: 0, count: self.textCount)
        found.withUnsafeMutableBufferPointer { found in
            self.texts.withUnsafeBufferPointer { texts in
                for word in fits.indices where !fits[word].isEmpty {
                    let fit = fits[word].rawValue
                    for index in self.textStarts[word]..<self.textStarts[word + 1] { found[Int(texts[index])] |= fit }
                }
            }
        }
        return found
    }
}

extension Vocabulary {
    /// Collects the words of texts.
    struct Builder {
        /// Numbers of words plus one, at the place that their hash says or the next free one; 0 is free. At most half are taken.
        private var table = [UInt32](repeating: 0, count: 1024)
        private var hashes: [UInt64] = []
        private var bytes: [UInt8] = []
        private var starts = [0]
        private var words: [UInt32] = []
        private var wordStarts = [0]
        private var splitter = WordSplitter()
        /// Nobody outside can choose words that all get the same place.
        private let seed = UInt64.random(in: .min ... .max)

        /// A text's words beyond this many are not searched.
        private static let maxWords = 200

        /// Takes the next text.
        mutating func add(_ text: String) {
            self.splitter.split(text, maxWords: Self.maxWords)
            var start = 0
            for end in self.splitter.ends {
                let number = self.splitter.bytes.withUnsafeBufferPointer { bytes in
                    self.number(of: UnsafeBufferPointer(rebasing: bytes[start..<end]))
                }
                self.words.append(number)
                start = end
            }
            self.wordStarts.append(self.words.count)
        }

        func vocabulary() -> Vocabulary {
            // A text that has a word several times is listed once.
            var counts = [Int](repeating: 0, count: self.starts.count)
            self.forEachDifferentWord { word, _ in counts[word + 1] += 1 }
            for word in counts.indices.dropFirst() { counts[word] += counts[word - 1] }
            var texts = [UInt32](repeating: 0, count: counts.last ?? 0)
            var next = counts
            self.forEachDifferentWord { word, text in
                texts[next[word]] = text
                next[word] += 1
            }
            return Vocabulary(
                bytes: self.bytes, byteCounts: self.bytes.reduce(into: [Int](repeating: 0, count: 256)) { $0[Int($1)] += 1 },
                starts: self.starts, texts: texts, textStarts: counts, words: self.words, wordStarts: self.wordStarts)
        }

        private func forEachDifferentWord(_ body: (_ word: Int, _ text: UInt32) -> Void) {
            var lastTexts = [UInt32](repeating: .max, count: self.starts.count - 1)
            for text in 0..<(self.wordStarts.count - 1) {
                for index in self.wordStarts[text]..<self.wordStarts[text + 1] {
                    let word = Int(self.words[index])
                    guard lastTexts[word] != UInt32(text) else { continue }
                    lastTexts[word] = UInt32(text)
                    body(word, UInt32(text))
                }
            }
        }

        private mutating func number(of word: UnsafeBufferPointer<UInt8>) -> UInt32 {
            let hash = self.hash(word)
            var place = Int(truncatingIfNeeded: hash) & (self.table.count - 1)
            while self.table[place] != 0 {
                let number = Int(self.table[place] - 1)
                if self.hashes[number] == hash, self.holds(word, at: number) { return UInt32(number) }
                place = (place + 1) & (self.table.count - 1)
            }
            let number = UInt32(self.hashes.count)
            self.table[place] = number + 1
            self.hashes.append(hash)
            self.bytes.append(contentsOf: word)
            self.bytes.append(UInt8(ascii: " "))
            self.starts.append(self.bytes.count)
            if self.hashes.count * 2 > self.table.count { self.grow() }
            return number
        }

        private func holds(_ word: UnsafeBufferPointer<UInt8>, at number: Int) -> Bool {
            let start = self.starts[number]
            guard self.starts[number + 1] - 1 - start == word.count, let base = word.baseAddress else { return false }
            return self.bytes.withUnsafeBufferPointer { bytes in
                bytes.baseAddress.map { memcmp($0 + start, base, word.count) == 0 } ?? false
            }
        }

        private mutating func grow() {
            self.table = [UInt32](repeating: 0, count: self.table.count * 2)
            for (number, hash) in self.hashes.enumerated() {
                var place = Int(truncatingIfNeeded: hash) & (self.table.count - 1)
                while self.table[place] != 0 { place = (place + 1) & (self.table.count - 1) }
                self.table[place] = UInt32(number + 1)
            }
        }

        /// Multiplies and folds eight bytes at a time.
        private func hash(_ word: UnsafeBufferPointer<UInt8>) -> UInt64 {
            var hash = self.seed ^ UInt64(word.count)
            var index = 0
            while index < word.count {
                var piece: UInt64 = 0
                let end = min(index + 8, word.count)
                for offset in index..<end { piece = piece << 8 | UInt64(word[offset]) }
                let product = (hash ^ piece).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
                hash = product.high ^ product.low
                index = end
            }
            return hash ^ hash >> 32
        }
    }
}
