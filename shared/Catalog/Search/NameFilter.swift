/// Which tools of a list are within a namespace, the beginning of their addresses in words.
///
/// The part of an address before the tool is the same for the whole list, and ends with a dot, where words end: what is left of the
/// namespace behind it is compared with the numbers of the names' words, which takes a name no time worth speaking of.
struct NameFilter {
    private let list: ToolList
    /// The words with which the names begin.
    private let words: [UInt32]

    /// Nil when no tool of the list is within the namespace.
    ///
    /// - Parameters:
    ///   - namespace: Nil when all tools are.
    ///   - prefix: The words of the addresses before the tools' names.
    init?(_ namespace: SearchWords?, behind prefix: SearchWords, in list: ToolList) {
        self.list = list
        guard let namespace, !prefix.starts(with: namespace) else {
            self.words = []
            return
        }
        let rest = namespace.words.dropFirst(prefix.words.count)
        guard namespace.starts(with: prefix), let words = list.vocabulary.numbers(of: rest) else { return nil }
        self.words = words
    }

    func contains(_ position: Int) -> Bool { self.words.isEmpty || self.list.vocabulary.text(position * 2, startsWith: self.words) }
}
