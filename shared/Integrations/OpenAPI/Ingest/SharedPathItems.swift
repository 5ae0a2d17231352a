import JSON

/// Path items that stand elsewhere in the document, for the paths that refer to them.
///
/// Whatever is read of a path item is read again for each path that refers to it, so its values are charged to the document's bound as
/// often as they are referred to, just as those behind a YAML alias are.
struct SharedPathItems {
    private let references: LocalReferences
    private let maxValues: Int
    private var valuesLeft: Int
    /// How many values stand at a place, counted once.
    private var counts: [[String]: Int] = [:]

    init(references: LocalReferences, maxValues: Int) {
        self.references = references
        self.maxValues = maxValues
        self.valuesLeft = maxValues
    }

    /// The path item itself, or what it refers to; fields beside the reference come first.
    ///
    /// - Throws: `limitExceeded` when the items that were referred to hold more values than a document may.
    mutating func resolve(_ value: JSONValue) throws(OpenAPIError) -> Result<JSONObject, LocalReferences.Fault> {
        guard var item = value.object, let reference = item["$ref"]?.string else { return .success(value.object ?? [:]) }
        let target: JSONObject
        do {
            target = try self.references.resolved(value).object ?? [:]
        } catch {
            return .failure(error)
        }
        // The reference was just followed, so it has tokens.
        let place = (try? self.references.tokens(of: reference)) ?? []
        let count = self.counts[place] ?? Self.count(.object(target))
        self.counts[place] = count
        self.valuesLeft -= count
        guard self.valuesLeft >= 0 else {
            throw OpenAPIError(
                .limitExceeded,
                "The document's paths refer to path items with more than \(self.maxValues) values together (roost.openapi.max_values).")
        }
        for (key, field) in target where !item.contains(key: key) { item.set(field, forKey: key) }
        return .success(item)
    }

    private static func count(_ value: JSONValue) -> Int {
        switch value {
        case .array(let elements): elements.reduce(1) { $0 + self.count($1) }
        case .object(let members): members.reduce(1) { $0 + self.count($1.value) }
        default: 1
        }
    }
}
