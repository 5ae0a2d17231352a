@testable import Catalog

/// The points of a tool as the documentation of ``ToolRanking`` has them, from the texts alone.
struct PlainRanking {
    let points: Int?

    init(_ query: String, _ tool: ToolEntry, _ place: ToolRanking.Place) {
        let words = SearchWords(query, maxWords: 16).words
        let phrase = words.joined(separator: " ")
        let (name, description) = (SearchWords(tool.name).words, SearchWords(tool.description).words)
        let fields = [(place.prefix.words + name, 12), (name, 10), (place.integration.words, 8), (description, 5)]
        func fit(_ word: String, _ other: String) -> Int {
            if word == other { return 4 }
            if word.hasPrefix(other) || other.hasPrefix(word) { return 2 }
            return other.contains(word) ? 1 : 0
        }
        var (sum, found) = (0, 0)
        for word in words {
            let fits = fields.map { field in field.0.map { fit(word, $0) }.max() ?? 0 }
            sum += zip(fits, fields).map { $0 * $1.1 }.reduce(0, +)
            if fits.contains(where: { $0 > 0 }) { found += 1 }
        }
        let required = words.count <= 2 ? words.count : (words.count * 3 + 4) / 5
        guard found >= required else {
            self.points = nil
            return
        }
        sum += found == words.count ? 25 : Int((10 * Double(found) / Double(words.count)).rounded())
        if fields[0].0.first == words.first || name.first == words.first { sum += 8 }
        if found == words.count {
            for (field, weight) in fields {
                let text = field.joined(separator: " ")
                if text == phrase {
                    sum += 14 * weight
                } else if text.hasPrefix(phrase) {
                    sum += 9 * weight
                } else if text.contains(phrase) {
                    sum += 6 * weight
                }
            }
            if fields[0].0.joined(separator: " ") == phrase || name.joined(separator: " ") == phrase { sum += 20 }
        }
        self.points = sum
    }
}
