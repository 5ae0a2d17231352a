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

    /// How a text fits a word of a query: the best of its words, and what of its first word makes a phrase stand at its beginning.
    struct TextFit: OptionSet, Sendable {
        let rawValue: UInt8

        /// A word of the text holds the query's word.
        static let holds = TextFit(rawValue: Fit.holds.rawValue)
        /// The first word begins with the query's word, or is it.
        static let firstBegins = TextFit(rawValue: 16)
        /// The first word is the query's word.
        static let firstIsSame = TextFit(rawValue: 32)
        /// The only word is the query's word.
        static let isSame = TextFit(rawValue: 64)

        /// The bits of how well it fits, as those of a word.
        var points: Int { Int(self.rawValue & Fit.points) }
    }

    /// The words, one after another.
    let bytes: [UInt8]
    /// Where each word begins in `bytes`, and the end of the last. There are no four billion of anything in a document that is read.
    let starts: [UInt32]
    /// The letters of each word.
    let letters: [LetterSet]
    /// For each word the texts that have it, with how it stands there in the bits above those of the text's number.
    let texts: [UInt32]
    let textStarts: [UInt32]
    /// For each text its words.
    let words: [UInt32]
    let wordStarts: [UInt32]

    /// How a word stands in a text: above the number of the text.
    enum Standing {
        static let shift: UInt32 = 30
        static let text: UInt32 = 1 << Self.shift - 1
        static let first: UInt32 = 1 << Self.shift
        static let only: UInt32 = 2 << Self.shift
    }

    /// How many different words there are.
    var count: Int { self.letters.count }

    /// How many texts there are.
    var textCount: Int { self.wordStarts.count - 1 }

    /// What it takes in memory.
    var byteCount: Int {
        self.bytes.count + self.letters.count * MemoryLayout<LetterSet>.stride
            + (self.texts.count + self.words.count + self.starts.count + self.textStarts.count + self.wordStarts.count)
            * MemoryLayout<UInt32>.stride
    }

    /// Calls `body` with the words of all texts as numbers, and where those of each text begin, with the end of the last.
    func withTexts(_ body: (_ words: UnsafeBufferPointer<UInt32>, _ starts: UnsafeBufferPointer<UInt32>) -> Void) {
        self.words.withUnsafeBufferPointer { words in self.wordStarts.withUnsafeBufferPointer { body(words, $0) } }
    }

    /// The numbers of some words; nil when one of them is in no text, or they are more than any text has.
    func numbers(of words: some Collection<String>) -> [UInt32]? {
        guard words.count <= Builder.maxWords else { return nil }
        var numbers: [UInt32] = []
        var known: [String: UInt32] = [:]
        for word in words {
            if let number = known[word] {
                numbers.append(number)
                continue
            }
            let sought = Array(word.utf8)
            let letters = sought.withUnsafeBufferPointer { LetterSet($0) }
            let number = self.letters.indices.first { number in
                self.letters[number] == letters
                    && self.bytes[Int(self.starts[number])..<Int(self.starts[number + 1])].elementsEqual(sought)
            }
            guard let number else { return nil }
            known[word] = UInt32(number)
            numbers.append(UInt32(number))
        }
        return numbers
    }

    /// Whether a text begins with some words.
    func text(_ text: Int, startsWith numbers: [UInt32]) -> Bool {
        self.words[Int(self.wordStarts[text])..<Int(self.wordStarts[text + 1])].starts(with: numbers)
    }

    /// Compares a word of a query with all words.
    ///
    /// - Parameter fits: Takes how each word fits, by number; those that do not are left as they are.
    /// - Returns: In how many texts each word that fits stands, together.
    func match(_ query: SoughtWord, _ fits: UnsafeMutableBufferPointer<Fit>) -> Int {
        let (letters, starts, textStarts) = (self.letters.span, self.starts.span, self.textStarts.span)
        return self.bytes.withUnsafeBufferPointer { bytes in
            var count = 0
            for word in letters.indices where letters[word].mayFit(query.letters) {
                let bytes = UnsafeBufferPointer(rebasing: bytes[Int(starts[word])..<Int(starts[word + 1])])
                let fit = query.fit(of: bytes, letters[word])
                fits[word] = fit
                if !fit.isEmpty { count += Int(textStarts[word + 1] - textStarts[word]) }
            }
            return count
        }
    }

    /// Tells the texts how their words fit.
    ///
    /// - Parameters:
    ///   - fits: How each word fits, by number.
    ///   - count: What ``match(_:_:)`` gave.
    ///   - texts: Takes how each text fits, by number, each a ``TextFit``. All zero before.
    func spread(_ fits: UnsafeBufferPointer<Fit>, count: Int, to texts: UnsafeMutableBufferPointer<UInt8>) {
        // Words one after another are read several times as fast as texts here and there are written.
        if count > self.words.count / 3 { self.gather(fits, to: texts) } else { self.scatter(fits, to: texts) }
    }

    /// Goes through the words that fit, and the texts of each.
    private func scatter(_ fits: UnsafeBufferPointer<Fit>, to texts: UnsafeMutableBufferPointer<UInt8>) {
        self.textStarts.withUnsafeBufferPointer { starts in
            self.texts.withUnsafeBufferPointer { places in
                for word in fits.indices where !fits[word].isEmpty {
                    // By the standing, a byte each.
                    let gains = (
                        UInt32(fits[word].gain.rawValue), UInt32(fits[word].firstGain.rawValue), UInt32(fits[word].onlyGain.rawValue)
                    )
                    let table = gains.0 | gains.1 << 8 | gains.2 << 16
                    for index in Int(starts[word])..<Int(starts[word + 1]) {
                        let place = places[index]
                        texts[Int(place & Standing.text)] |= UInt8(truncatingIfNeeded: table &>> ((place &>> Standing.shift) &* 8))
                    }
                }
            }
        }
    }

    /// Goes through the texts, and the words of each.
    private func gather(_ fits: UnsafeBufferPointer<Fit>, to texts: UnsafeMutableBufferPointer<UInt8>) {
        self.withTexts { words, starts in
            for text in texts.indices {
                let range = Int(starts[text])..<Int(starts[text + 1])
                guard !range.isEmpty else { continue }
                let first = fits[Int(words[range.lowerBound])]
                var fit: UInt8 = 0
                for index in range { fit |= fits[Int(words[index])].rawValue }
                texts[text] = Fit(rawValue: fit).gain.union(range.count == 1 ? first.onlyGain : first.firstGain).rawValue
            }
        }
    }
}

extension Vocabulary.Fit {
    /// What a text gains by a word that stands somewhere in it, or by several together.
    fileprivate var gain: Vocabulary.TextFit { Vocabulary.TextFit(rawValue: self.rawValue & (Self.points | Self.holds.rawValue)) }

    /// What it gains by its first word.
    fileprivate var firstGain: Vocabulary.TextFit {
        var gain = self.gain
        if self.contains(.begins) { gain.insert(.firstBegins) }
        if self.contains(.same) { gain.insert(.firstIsSame) }
        return gain
    }

    /// What it gains by its only word.
    fileprivate var onlyGain: Vocabulary.TextFit { self.contains(.same) ? self.firstGain.union(.isSame) : self.firstGain }
}
