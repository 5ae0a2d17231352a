import Model

/// A tool as lists show it.
struct ToolEntry: Sendable, Hashable {
    let name: String
    let description: String
    let effect: ToolEffect
}

/// All tools of one integration, with their words prepared for search.
///
/// Each different word is kept once, with the texts that have it, and texts are lists of its number: a query is compared with some
/// thousand words, and then only the tools are looked at that have a word of it. A tool with a description of a hundred bytes takes
/// some three hundred bytes in all.
final class ToolList: Sendable, RandomAccessCollection {
    private let names: PackedTexts
    private let descriptions: PackedTexts
    private let effects: [ToolEffect]
    /// The words of names and descriptions: text 2 × i is the name of tool i, text 2 × i + 1 its description.
    let vocabulary: Vocabulary
    /// Whether all names are plain ASCII, so that comparing bytes is comparing names.
    let hasPlainNames: Bool

    /// - Parameter tools: in any order.
    init(tools: [ToolEntry]) {
        // Those that come from the database are in order already, which costs one comparison each.
        let tools = tools.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        var names = PackedTexts()
        var descriptions = PackedTexts()
        var builder = Vocabulary.Builder()
        for tool in tools {
            names.append(tool.name)
            descriptions.append(tool.description)
            builder.add(tool.name)
            builder.add(tool.description)
        }
        self.names = names
        self.descriptions = descriptions
        self.effects = tools.map(\.effect)
        self.vocabulary = builder.vocabulary()
        self.hasPlainNames = names.isASCII
    }

    /// About what it takes in memory.
    var byteCount: Int { 256 + self.names.byteCount + self.descriptions.byteCount + self.effects.count + self.vocabulary.byteCount }

    var startIndex: Int { 0 }
    var endIndex: Int { self.effects.count }

    /// The tools in the order of their names' bytes.
    subscript(position: Int) -> ToolEntry {
        ToolEntry(name: self.names[position], description: self.descriptions[position], effect: self.effects[position])
    }

    /// A tool's name.
    func name(_ position: Int) -> String { self.names[position] }

    /// A tool's name in bytes.
    func nameBytes(_ position: Int) -> ArraySlice<UInt8> { self.names.bytes(at: position) }

    /// The first tool whose name is not before some bytes.
    func firstPosition(notBefore bytes: some Collection<UInt8>) -> Int { self.names.firstPosition(notBefore: bytes) }
}
