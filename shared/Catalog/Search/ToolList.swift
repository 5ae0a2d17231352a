import Model

/// A tool as lists show it.
struct ToolEntry: Sendable, Hashable {
    let name: String
    let description: String
    let effect: ToolEffect
}

/// All tools of one integration, with their words prepared for search.
///
/// Each different word is kept once and texts are lists of its number, so that a query is compared with a few thousand words and not with
/// every text: 10,000 tools are searched in milliseconds.
final class ToolList: Sendable {
    /// A text of a tool, as numbers of words and as the bytes of the phrase.
    struct Text: Sendable {
        let words: [UInt32]
        let phrase: [UInt8]
    }

    /// In the order of names.
    let tools: [ToolEntry]
    let names: [Text]
    let descriptions: [Text]
    /// Each word once.
    let vocabulary: [String]

    init(tools: [ToolEntry]) {
        var numbers: [String: UInt32] = [:]
        var vocabulary: [String] = []
        func text(_ text: String) -> Text {
            let words = SearchWords(text, maxWords: 200)
            let list = words.words.map { word in
                if let number = numbers[word] { return number }
                let number = UInt32(vocabulary.count)
                numbers[word] = number
                vocabulary.append(word)
                return number
            }
            return Text(words: list, phrase: Array(words.phrase.utf8))
        }
        self.tools = tools
        self.names = tools.map { text($0.name) }
        self.descriptions = tools.map { text($0.description) }
        self.vocabulary = vocabulary
    }

    /// Where the tool with a name stands; nil where there is none.
    func position(of name: String) -> Int? {
        var low = 0
        var high = self.tools.count
        while low < high {
            let middle = (low + high) / 2
            if self.tools[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low < self.tools.count && self.tools[low].name == name ? low : nil
    }
}
