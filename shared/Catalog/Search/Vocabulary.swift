/// The different words of a list of tools, each with the positions of the tools that have it in their name or description.
///
/// Words and positions lie one after another in one array each: a search goes over all words, and an array of arrays would cost it a
/// reference for each.
struct Vocabulary: Sendable {
    private let bytes: [UInt8]
    /// Where each word begins in `bytes`, and the end of the last.
    private let starts: [Int]
    private let positions: [UInt32]
    /// Where each word's positions begin, and the end of the last's.
    private let positionStarts: [Int]

    var count: Int { self.starts.count - 1 }

    /// The bytes of a word.
    subscript(word: Int) -> ArraySlice<UInt8> { self.bytes[self.starts[word]..<self.starts[word + 1]] }

    /// The tools that have a word; some may come twice.
    func positions(of word: Int) -> ArraySlice<UInt32> {
        self.positions[self.positionStarts[word]..<self.positionStarts[word + 1]]
    }

    /// What `body` says of each word, by number.
    func map(_ body: (UnsafeBufferPointer<UInt8>) -> UInt8) -> [UInt8] {
        self.bytes.withUnsafeBufferPointer { bytes in
            (0..<self.count).map { body(UnsafeBufferPointer(rebasing: bytes[self.starts[$0]..<self.starts[$0 + 1]])) }
        }
    }
}

extension Vocabulary {
    /// Collects the words of texts.
    struct Builder {
        private var numbers: [String: UInt32] = [:]
        private var bytes: [UInt8] = []
        private var starts = [0]
        private var places: [[UInt32]] = []

        /// A description's words beyond this many are not searched.
        private static let maxWords = 200

        /// Takes a text of the tool at a position.
        mutating func add(_ text: String, of position: Int) -> ToolList.Text {
            let words = SearchWords(text, maxWords: Self.maxWords)
            let numbers = words.words.map { self.number(of: $0) }
            for number in numbers where self.places[Int(number)].last != UInt32(position) {
                self.places[Int(number)].append(UInt32(position))
            }
            return ToolList.Text(words: numbers, phrase: Array(words.phrase.utf8))
        }

        func vocabulary() -> Vocabulary {
            Vocabulary(
                bytes: self.bytes, starts: self.starts, positions: Array(self.places.joined()),
                positionStarts: self.places.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) })
        }

        private mutating func number(of word: String) -> UInt32 {
            if let number = self.numbers[word] { return number }
            let number = UInt32(self.places.count)
            self.numbers[word] = number
            self.bytes += word.utf8
            self.starts.append(self.bytes.count)
            self.places.append([])
            return number
        }
    }
}
