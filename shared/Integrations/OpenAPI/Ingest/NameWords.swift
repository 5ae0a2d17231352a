/// The words of a name as people write names: `listPets`, `list_pets`, `list-pets`, `List Pets` and `pets/list` all have two.
struct NameWords: Sendable, Hashable {
    /// The words as written, without separators.
    var words: [String]

    /// Splits at everything that is no letter or digit, before a capital that follows a small letter or a digit, and before the last
    /// capital of several when a small letter follows (`HTTPServer`).
    ///
    /// Letters beyond ASCII are kept: they may stand in identifiers, and without them a name in another script would be empty.
    init(_ text: String) {
        var words: [String] = []
        var word = String.UnicodeScalarView()
        let scalars = Array(text.unicodeScalars)
        for (index, scalar) in scalars.enumerated() {
            guard scalar.isNameCharacter else {
                if !word.isEmpty { words.append(String(word)) }
                word = .init()
                continue
            }
            if let previous = word.last, scalar.properties.isUppercase {
                let isBeforeSmall = index + 1 < scalars.count && scalars[index + 1].properties.isLowercase
                if !previous.properties.isUppercase || isBeforeSmall {
                    words.append(String(word))
                    word = .init()
                }
            }
            word.append(scalar)
        }
        if !word.isEmpty { words.append(String(word)) }
        self.words = words
    }

    private init(words: [String]) { self.words = words }

    var isEmpty: Bool { self.words.isEmpty }

    /// The words as one camelCase identifier.
    var camelCase: String {
        var text = ""
        for (index, word) in self.words.enumerated() {
            let small = word.lowercased()
            text += index == 0 ? small : small.prefix(1).uppercased() + small.dropFirst()
        }
        // An identifier does not begin with a digit.
        return text.unicodeScalars.first?.properties.numericType == nil ? text : "_" + text
    }

    /// The words in small letters with dashes between them.
    var kebabCase: String { self.words.map { $0.lowercased() }.joined(separator: "-") }

    /// What follows `prefix`, where these words begin with it and go on.
    func dropping(prefix: NameWords) -> NameWords {
        guard self.words.count > prefix.words.count,
            zip(self.words, prefix.words).allSatisfy({ $0.lowercased() == $1.lowercased() })
        else { return self }
        return NameWords(words: Array(self.words.dropFirst(prefix.words.count)))
    }

    static func + (left: NameWords, right: NameWords) -> NameWords { NameWords(words: left.words + right.words) }
}

extension Unicode.Scalar {
    fileprivate var isNameCharacter: Bool {
        if self.isASCII { return UInt8(ascii: self).isLetter || UInt8(ascii: self).isDigit }
        return self.properties.isAlphabetic || self.properties.numericType == .decimal
    }
}
