/// Text as search compares it: words in small letters.
struct SearchWords: Sendable, Hashable {
    let words: [String]

    /// Splits at white space, at `_ . / : -` and other punctuation, and where a capital follows a small letter or digit.
    init(_ text: String, maxWords: Int = .max) {
        var words: [String] = []
        var word = String.UnicodeScalarView()
        var isAfterSmall = false
        for scalar in text.unicodeScalars {
            let properties = scalar.properties
            let isWord = properties.isAlphabetic || properties.numericType != nil
            if !isWord || (isAfterSmall && properties.isUppercase), !word.isEmpty {
                words.append(String(word).lowercased())
                word = .init()
                if words.count == maxWords { break }
            }
            if isWord { word.append(scalar) }
            isAfterSmall = isWord && !properties.isUppercase
        }
        if !word.isEmpty, words.count < maxWords { words.append(String(word).lowercased()) }
        self.words = words
    }

    /// The words with one space between them.
    var phrase: String { self.words.joined(separator: " ") }

    /// Whether these words begin with `prefix`.
    func starts(with prefix: SearchWords) -> Bool { self.words.starts(with: prefix.words) }
}
