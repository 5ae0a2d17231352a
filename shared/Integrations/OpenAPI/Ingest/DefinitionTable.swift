import JSON

/// The schemas that tools share: which are reached, under which name, and which still have to be written.
///
/// A schema is known by the place it stands at in the document. Those under `components/schemas` keep their names; other places that a
/// reference may point to (a property of a schema, a response's schema) get a name made of the path.
struct DefinitionTable {
    private let maxCount: Int
    private let maxNameCharacters: Int
    private var names: [[String]: String] = [:]
    private var taken: Set<String> = []
    /// Places that were reached and not yet written, in the order of reaching.
    private(set) var pending: [(name: String, place: [String])] = []

    init(maxCount: Int, maxNameCharacters: Int) {
        self.maxCount = maxCount
        self.maxNameCharacters = maxNameCharacters
    }

    /// The reference by which a tool's schema names the schema at a place.
    mutating func reference(to place: [String]) throws(OpenAPIError) -> String {
        if let name = self.names[place] { return Self.reference(toName: name) }
        guard self.names.count < self.maxCount else {
            throw OpenAPIError(
                .limitExceeded, "The document's operations use more than \(self.maxCount) schemas (roost.openapi.max_definitions).")
        }
        let name = self.makeName(for: place)
        self.names[place] = name
        self.taken.insert(name)
        self.pending.append((name, place))
        return Self.reference(toName: name)
    }

    /// Takes the next place to write.
    mutating func popPending() -> (name: String, place: [String])? { self.pending.popLast() }

    /// `#/$defs/<name>`, escaped as a pointer within a URL's fragment.
    static func reference(toName name: String) -> String { "#/$defs" + JSONPointer([name]).fragment.dropFirst() }

    private func makeName(for place: [String]) -> String {
        var parts = place[...]
        if parts.starts(with: ["components", "schemas"]), parts.count > 2 { parts = parts.dropFirst(2) }
        let text = parts.isEmpty ? "root" : parts.joined(separator: "_")
        let name = StableHash.bounded(text, to: self.maxNameCharacters)
        guard self.taken.contains(name) else { return name }
        return "\(name.prefix(self.maxNameCharacters - 17))_\(StableHash.text(Array(place), digits: 16))"
    }
}
