/// The rules for the names that become segments of tool addresses, and so property names in agents' programs.
enum NameRules {
    private static let maxSlugBytes = 63
    private static let maxNameBytes = 63
    private static let maxLabelCharacters = 200

    /// Slugs that would hide something that every program has.
    private static let reservedSlugs: Set<String> = [
        BuiltInIntegration.slug, "tools", "search", "describe", "then", "emit", "console", "constructor", "prototype",
    ]

    /// Checks an integration's slug: 1 to 63 small letters, digits, `_` and `-`, beginning with a letter. With a dash in it, programs have
    /// to write `tools["my-api"]`.
    static func checkSlug(_ slug: String) throws(CatalogError) {
        let bytes = slug.utf8
        let isWellFormed =
            (1...self.maxSlugBytes).contains(bytes.count) && bytes.first.map(self.isSmallLetter) == true
            && bytes.allSatisfy { self.isSmallLetter($0) || self.isDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
        guard isWellFormed else {
            throw CatalogError(
                .invalidSlug,
                "A slug has 1 to \(self.maxSlugBytes) small letters, digits, `_` and `-`, and begins with a letter. Write `\(self.slug(from: slug))`."
            )
        }
        guard !self.reservedSlugs.contains(slug) else {
            throw CatalogError(.invalidSlug, "The slug `\(slug)` is reserved. Choose another one.")
        }
    }

    /// A slug made from a title: its words in small letters with `_` between them, so that it is an identifier.
    static func slug(from title: String) -> String {
        var text = ""
        for word in SearchWords(title, maxWords: 12).words {
            let kept = String(decoding: word.utf8.filter { self.isSmallLetter($0) || self.isDigit($0) }, as: UTF8.self)
            if kept.isEmpty || ["api", "openapi", "rest", "specification"].contains(kept) { continue }
            text += text.isEmpty ? kept : "_" + kept
        }
        if let first = text.utf8.first, !self.isSmallLetter(first) { text = "api_" + text }
        text = String(text.prefix(40))
        while text.hasSuffix("_") { text.removeLast() }
        if text.isEmpty { return "api" }
        return self.reservedSlugs.contains(text) ? text + "_api" : text
    }

    /// Checks a connection's name: an identifier of 1 to 63 letters, digits and `_`, beginning with a letter.
    ///
    /// Other names are refused and not changed: whoever adds `my account` would look for it under that name.
    static func checkConnectionName(_ name: String) throws(CatalogError) {
        let bytes = name.utf8
        let isWellFormed =
            (1...self.maxNameBytes).contains(bytes.count) && bytes.first.map(self.isLetter) == true
            && bytes.allSatisfy { self.isLetter($0) || self.isDigit($0) || $0 == UInt8(ascii: "_") }
        guard isWellFormed, name != "then" else {
            throw CatalogError(
                .invalidName,
                "A connection's name stands in tool addresses: 1 to \(self.maxNameBytes) letters, digits and `_`, beginning with a letter. Write `\(self.connectionName(from: name))`."
            )
        }
    }

    /// A name like the given one that is an identifier.
    static func connectionName(from text: String) -> String {
        var result = ""
        for word in SearchWords(text, maxWords: 12).words {
            let kept = String(decoding: word.utf8.filter { self.isSmallLetter($0) || self.isDigit($0) }, as: UTF8.self)
            result += result.isEmpty ? kept : kept.prefix(1).uppercased() + kept.dropFirst()
        }
        guard let first = result.utf8.first else { return "main" }
        let name = String((self.isLetter(first) ? result : "c" + result).prefix(self.maxNameBytes))
        return name == "then" ? "main" : name
    }

    /// Checks a name or description for people.
    static func checkLabel(_ label: String, _ what: String) throws(CatalogError) {
        guard label.contains(where: { !$0.isWhitespace }), label.count <= self.maxLabelCharacters,
            !label.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else {
            throw CatalogError(.invalidName, "\(what) has 1 to \(self.maxLabelCharacters) characters on one line.")
        }
    }

    private static func isSmallLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { self.isSmallLetter(byte | 0x20) && byte < 0x80 }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
