import Model

/// A tool as lists show it.
struct ToolEntry: Sendable, Hashable {
    let name: String
    let description: String
    let effect: ToolEffect
}

/// All tools of one integration, with their words prepared for search.
///
/// Each different word is kept once, with the tools that have it, and texts are lists of its number: a query is compared with some
/// thousand words, and then only the tools are looked at that have a word of it.
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
    let vocabulary: Vocabulary

    init(tools: [ToolEntry]) {
        var builder = Vocabulary.Builder()
        self.tools = tools
        self.names = tools.indices.map { builder.add(tools[$0].name, of: $0) }
        self.descriptions = tools.indices.map { builder.add(tools[$0].description, of: $0) }
        self.vocabulary = builder.vocabulary()
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
