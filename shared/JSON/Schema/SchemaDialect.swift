/// The vocabularies whose keywords count in a schema; that of the core always does.
struct SchemaDialect: OptionSet, Sendable {
    let rawValue: Int

    static let applicator = SchemaDialect(rawValue: 1)
    static let unevaluated = SchemaDialect(rawValue: 2)
    static let validation = SchemaDialect(rawValue: 4)

    /// All of draft 2020-12.
    static let standard: SchemaDialect = [.applicator, .unevaluated, .validation]

    /// Reads what a meta-schema says in `$vocabulary`; a name that is unknown here and required is given back as the error.
    static func reading(_ vocabularies: JSONObject) -> Result<SchemaDialect, UnknownVocabulary> {
        var dialect: SchemaDialect = []
        for (uri, isRequired) in vocabularies {
            if let known = Self.known[uri] {
                dialect.formUnion(known)
            } else if isRequired.bool == true {
                return .failure(UnknownVocabulary(uri: uri))
            }
        }
        return .success(dialect)
    }

    /// A vocabulary that a schema requires and this validator does not know (JSON Schema 2020-12 core, section 8.1.2).
    struct UnknownVocabulary: Error {
        let uri: String
    }

    private static let prefix = "https://json-schema.org/draft/2020-12/vocab/"

    /// Those without an own flag hold only annotations, or the core.
    private static let known: [String: SchemaDialect] = [
        Self.prefix + "core": [], Self.prefix + "applicator": .applicator, Self.prefix + "unevaluated": .unevaluated,
        Self.prefix + "validation": .validation, Self.prefix + "meta-data": [], Self.prefix + "format-annotation": [],
        Self.prefix + "content": [],
    ]
}
