import Foundation
import JSON
import Model
import Store

/// Tools as large APIs have them, made of a fixed vocabulary in which few words are frequent and most are rare; the same in every run.
struct SearchTools {
    private var random = Numbers(state: 0x9E37_79B9_7F4A_7C15)
    private let vocabulary: [String]
    private var serial = 0

    private static let verbs = ["create", "list", "get", "update", "delete", "search", "enable", "disable", "export", "import"]

    init() {
        var numbers = Numbers(state: 0x2545_F491_4F6C_DD1D)
        let syllables = [
            "ba", "cor", "di", "ent", "fra", "gen", "hil", "ins", "jo", "ker", "lum", "men", "nor", "op", "pre", "sta", "tion",
        ]
        var words: [String] = []
        var known: Set<String> = []
        while words.count < 8_000 {
            let word = (0..<Int.random(in: 1...4, using: &numbers)).map { _ in syllables.randomElement(using: &numbers) ?? "" }.joined()
            if known.insert(word).inserted { words.append(word) }
        }
        self.vocabulary = words
    }

    /// The word of a rank: 0 is the most frequent.
    func word(_ rank: Int) -> String { self.vocabulary[rank] }

    /// What is searched for, with a name.
    var queries: [(name: String, query: String)] {
        [
            ("a common word", self.word(0)), ("a rare word", self.word(7_500)),
            ("three words", "create \(self.word(40)) \(self.word(3))"), ("a phrase", "\(self.word(1)) \(self.word(0))"),
            ("no match", "zzyzx"), ("one letter", "e"), ("sixteen words", (0..<16).map { self.word($0 * $0) }.joined(separator: " ")),
        ]
    }

    /// Makes some more tools.
    mutating func make(_ count: Int) -> [ToolDraft] {
        (0..<count).map { _ in
            self.serial += 1
            let verb = Self.verbs.randomElement(using: &self.random) ?? ""
            let (group, noun) = (self.frequentWord(), self.frequentWord())
            let words = (0..<Int.random(in: 6...24, using: &self.random)).map { _ in self.frequentWord() }
            return ToolDraft(
                name: "\(group).\(verb)\(noun.capitalized)\(self.serial)",
                description: "\(verb.capitalized) \(words.joined(separator: " ")).", effect: verb == "get" ? .read : .write,
                binding: JSONText([:]))
        }
    }

    /// A word by Zipf's law: the cube of an even number favours the low ranks about as texts do.
    private mutating func frequentWord() -> String {
        let even = Double.random(in: 0..<1, using: &self.random)
        return self.vocabulary[Int(even * even * even * Double(self.vocabulary.count))]
    }
}

/// Numbers that are the same in every run.
private struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return self.state
    }
}
