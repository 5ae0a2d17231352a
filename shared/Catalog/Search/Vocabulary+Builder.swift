#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Vocabulary {
    /// Collects the words of texts.
    struct Builder {
        /// Numbers of words plus one, at the place that their hash says or the next free one; 0 is free. At most half are taken.
        private var table = [UInt32](repeating: 0, count: 1024)
        private var hashes: [UInt64] = []
        private var bytes: [UInt8] = []
        private var starts: [UInt32] = [0]
        private var letters: [LetterSet] = []
        private var words: [UInt32] = []
        private var wordStarts: [UInt32] = [0]
        private var splitter = WordSplitter()
        /// Nobody outside can choose words that all get the same place.
        private let seed = UInt64.random(in: .min ... .max)

        /// A text's words beyond this many are not searched.
        static let maxWords = 200

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
            self.wordStarts.append(UInt32(self.words.count))
        }

        func vocabulary() -> Vocabulary {
            // A text that has a word several times is listed once, as it stands there first.
            var starts = [UInt32](repeating: 0, count: self.starts.count)
            self.forEachDifferentWord { word, _ in starts[word + 1] += 1 }
            for word in starts.indices.dropFirst() { starts[word] += starts[word - 1] }
            var texts = [UInt32](repeating: 0, count: Int(starts.last ?? 0))
            var next = starts
            self.forEachDifferentWord { word, text in
                texts[Int(next[word])] = text
                next[word] += 1
            }
            return Vocabulary(
                bytes: self.bytes, starts: self.starts, letters: self.letters, texts: texts, textStarts: starts, words: self.words,
                wordStarts: self.wordStarts)
        }

        /// Calls `body` with each different word of each text, and the text with how the word stands there.
        private func forEachDifferentWord(_ body: (_ word: Int, _ text: UInt32) -> Void) {
            var lastTexts = [UInt32](repeating: .max, count: self.letters.count)
            for text in 0..<(self.wordStarts.count - 1) {
                let range = Int(self.wordStarts[text])..<Int(self.wordStarts[text + 1])
                for index in range {
                    let word = Int(self.words[index])
                    guard lastTexts[word] != UInt32(text) else { continue }
                    lastTexts[word] = UInt32(text)
                    let standing = index > range.lowerBound ? 0 : range.count > 1 ? Standing.first : Standing.only
                    body(word, UInt32(text) | standing)
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
            self.letters.append(LetterSet(word))
            self.bytes.append(contentsOf: word)
            self.starts.append(UInt32(self.bytes.count))
            if self.hashes.count * 2 > self.table.count { self.grow() }
            return number
        }

        private func holds(_ word: UnsafeBufferPointer<UInt8>, at number: Int) -> Bool {
            let start = Int(self.starts[number])
            guard Int(self.starts[number + 1]) - start == word.count, let base = word.baseAddress else { return false }
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
